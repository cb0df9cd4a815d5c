"""What a customs bridge and the rest of its configuration have to agree on."""

from collections.abc import Iterator

from config.document import PathKey
from config.problems import Bilingual
from config.schema import Configuration

_HERE = "customs_bridge"
# The dialects whose results are no digits.
OF_LETTERS = frozenset({"letters", "generation_82"})
Contradiction = tuple[PathKey, str, object, Bilingual]


def customs_checks(config: Configuration) -> Iterator[Contradiction]:
    """Yield path, code, value and expectation of each contradiction.

    Codes: `unknown_authority`, `no_time_to_answer`, `unknown_lane`, `duplicate_value`, `codes_of_letters`,
    `silence_too_short`, `hidden_from_customs`, `redis_of_tcp`, `user_without_password`.
    """
    bridge = config.customs_bridge
    if bridge is None:
        return
    authority = next((one for one in config.authorities if one.id == bridge.authority), None)
    if authority is None:
        known = ", ".join(one.id for one in config.authorities)
        expected = Bilingual(f"已配置的放行机构:{known}", f"a configured authority: {known}")
        yield (_HERE, "authority"), "unknown_authority", bridge.authority, expected
    elif bridge.answer_ms >= authority.deadline_ms:
        expected = Bilingual(
            f"小于该机构的 deadline_ms({authority.deadline_ms})",
            f"less than deadline_ms of that authority ({authority.deadline_ms})",
        )
        yield (_HERE, "answer_ms"), "no_time_to_answer", bridge.answer_ms, expected
    if bridge.release_codes is not None and bridge.dialect in OF_LETTERS:
        expected = Bilingual(f"dialect: {bridge.dialect} 时不写", f"none with dialect: {bridge.dialect}")
        yield (_HERE, "release_codes"), "codes_of_letters", bridge.release_codes[0], expected
    if bridge.silence_s is not None and bridge.silence_s <= bridge.heartbeat_s:
        expected = Bilingual(f"大于 heartbeat_s({bridge.heartbeat_s})", f"more than heartbeat_s ({bridge.heartbeat_s})")
        yield (_HERE, "silence_s"), "silence_too_short", bridge.silence_s, expected
    if bridge.redis is not None and bridge.dialect != "json_redis":
        expected = Bilingual("仅用于 dialect: json_redis", "only with dialect: json_redis")
        yield (_HERE, "redis"), "redis_of_tcp", bridge.dialect, expected
    if bridge.redis is not None and bridge.redis.user is not None and bridge.redis.password_file is None:
        expected = Bilingual("同时给出 password_file", "together with password_file")
        yield (_HERE, "redis", "user"), "user_without_password", bridge.redis.user, expected
    yield from _lanes(config)
    yield from _hidden(config)


def _hidden(config: Configuration) -> Iterator[Contradiction]:
    """What the platform may not see it cannot be asked for: each vehicle that shows it would wait for a person."""
    bridge = config.customs_bridge
    assert bridge is not None
    bridged = {one.lane for one in bridge.lanes}
    lanes = [lane for lane in config.lanes if lane.id in bridged]
    looked = {what for lane in lanes for camera in lane.cameras for what in camera.reads}
    read = {
        "plates": "plate" in looked,
        "containers": "container" in looked,
        "tag": any(lane.tag_reader is not None for lane in lanes),
    }
    for index, authority in enumerate(config.authorities):
        for name in (one for one, found in read.items() if found and authority.id == bridge.authority):
            rule = getattr(authority.fields, name)
            if rule != "allow":
                expected = Bilingual("allow:海关桥接须向平台报送", "allow: the bridge has to tell it to the platform")
                yield ("authorities", index, "fields", name), "hidden_from_customs", rule, expected


def _lanes(config: Configuration) -> Iterator[Contradiction]:
    bridge = config.customs_bridge
    assert bridge is not None
    directions = {lane.id: lane.direction for lane in config.lanes}
    lanes: set[str] = set()
    numbers: set[tuple[str, str, str]] = set()
    unique = Bilingual("不重复的值", "a value used only once")
    for index, one in enumerate(bridge.lanes):
        path = (_HERE, "lanes", index)
        if one.lane not in directions:
            known = ", ".join(directions)
            expected = Bilingual(f"已配置的车道:{known}", f"a configured lane: {known}")
            yield (*path, "lane"), "unknown_lane", one.lane, expected
            continue
        if one.lane in lanes:
            yield (*path, "lane"), "duplicate_value", one.lane, unique
        # In and out may share a number: the envelope names the direction beside it.
        number = (one.area_id or bridge.area_id, one.chnl_no, directions[one.lane])
        if number in numbers:
            yield (*path, "chnl_no"), "duplicate_value", one.chnl_no, unique
        lanes.add(one.lane)
        numbers.add(number)
