"""What single values cannot show: names used twice, demands that no device can meet, addresses that collide."""

from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import urlsplit

from config.barrier_checks import barrier_findings
from config.customs_checks import customs_checks
from config.devices import (
    ONLY_OF_PUSHES,
    OVER_RTSP,
    READERS,
    Barrier,
    Camera,
    ContainerEngine,
    Packaged,
    TagReader,
    Weighbridge,
)
from config.document import PathKey
from config.line_checks import line_findings
from config.mask_checks import mask_findings
from config.modbus_map import ModbusMap
from config.problems import Bilingual, Finding
from config.schema import Configuration, Lane, Traffic

# What `edge.runtime.lane_service` calls the connection to the authorities among the devices of a lane.
CLEARANCE_ID = "clearance"
_WITH_CONTAINERS: tuple[Traffic, ...] = ("container", "general")
# Modbus application protocol 1.1b3, functions 2 and 3.
MOST_INPUTS_IN_ONE_READ = 2000
MOST_REGISTERS_IN_ONE_READ = 125


def cross_check(config: Configuration) -> list[Finding]:
    """Every contradiction of a configuration whose values are valid one by one.

    Codes: `duplicate_id`, `reserved_id`, `duplicate_value`, `duplicate_address`, `duplicate_port`,
    `addresses_too_far_apart`, `no_device_for`, `shorter_than_poll`, `frames_max_too_small`, `quorum_missing`,
    `vehicle_without_container`, `quorum_too_large`, `quorum_unused`, `unknown_authority`, `not_in_traffic`,
    `mixed_simulation`, `key_without_certificate`, `password_without_user`, `auth_without_user`, `trust_without_https`,
    `https_without_trust`, `not_for_driver`, `no_parity`, `least_above_most`, `not_for_check`,
    `missing_for_driver`, `masks_hide_all`; of a barrier also those of `barrier_findings`, and those of
    `config.customs_checks`.
    """
    found = [*_broker(config), *_join(config)]
    found += _duplicates(_authority_ids(config), "duplicate_id")
    found += _duplicates(_lane_ids(config), "duplicate_id")
    found += _duplicates(_device_ids(config), "duplicate_id")
    found += _reserved(_device_ids(config))
    found += _duplicates(_ports(config), "duplicate_port")
    found += _duplicates(_shared_coils(config), "duplicate_address")
    found += _named_authorities(config)
    found += _simulated(config)
    found += [Finding(*one) for one in customs_checks(config)]
    for index, lane in enumerate(config.lanes):
        found += _lane(lane, ("lanes", index))
    return found


def _duplicates(named: Iterable[tuple[PathKey, object]], code: str) -> Iterator[Finding]:
    seen: set[object] = set()
    for path, value in named:
        if value in seen:
            text = value[-1] if isinstance(value, tuple) else value
            yield Finding(path, code, text, Bilingual("不重复的值", "a value used only once"))
        seen.add(value)


def _reserved(devices: Iterable[tuple[PathKey, str]]) -> Iterator[Finding]:
    for path, name in devices:
        if name == CLEARANCE_ID:
            expected = Bilingual("不是 clearance 的名字", "another id than clearance")
            hint = Bilingual(
                "控制器用它称呼与放行机构的连接", "the controller calls its connection to the authorities so"
            )
            yield Finding(path, "reserved_id", name, expected, hint)


def _authority_ids(config: Configuration) -> Iterator[tuple[PathKey, str]]:
    for index, authority in enumerate(config.authorities):
        yield ("authorities", index, "id"), authority.id


def _lane_ids(config: Configuration) -> Iterator[tuple[PathKey, str]]:
    for index, lane in enumerate(config.lanes):
        yield ("lanes", index, "id"), lane.id


def _device_ids(config: Configuration) -> Iterator[tuple[PathKey, str]]:
    for index, lane in enumerate(config.lanes):
        yield ("lanes", index, "barrier", "id"), lane.barrier.id
        for place, camera in lane.every_camera:
            yield ("lanes", index, *place, "id"), camera.id
        for place, device in lane.every_line:
            yield ("lanes", index, *place, "id"), device.id
        for place, reader in lane.over_http:
            yield ("lanes", index, *place, "id"), reader.id


def _ports(config: Configuration) -> Iterator[tuple[PathKey, str]]:
    for index, lane in enumerate(config.lanes):
        if lane.barrier.transport != "tcp":
            # Two masters on one serial line would hear each other's answers.
            key = "serial_port" if lane.barrier.transport == "rtu" else "host"
            yield ("lanes", index, "barrier", key), lane.barrier.line
        for place, device in lane.every_line:
            yield ("lanes", index, *place, "port"), device.port.removeprefix("socket://")
        for place, pushing in (*lane.every_camera, *lane.over_http):
            if isinstance(pushing, Camera | ContainerEngine) and pushing.pushes:
                # Two listeners on one address, or two devices in one spool, would take each other's pushes.
                yield ("lanes", index, *place, "url"), urlsplit(pushing.url or "").netloc
                if pushing.spool is not None:
                    yield ("lanes", index, *place, "spool"), str(pushing.spool)


def _coils(modbus: ModbusMap) -> Iterator[tuple[str, str, int]]:
    for table in ("coils", "pulse_coils") if modbus.hardware_pulse else ("coils",):
        for name, address in getattr(modbus, table):
            if address is not None:
                yield table, name, address


def _shared_coils(config: Configuration) -> Iterator[tuple[PathKey, object]]:
    """Two outputs on one coil, in one lane or in two lanes on one module: one would move the other's boom."""
    for index, lane in enumerate(config.lanes):
        barrier: Barrier = lane.barrier
        for table, name, address in _coils(barrier.map):
            path = ("lanes", index, "barrier", "map", table, name)
            yield path, (barrier.line, barrier.device_id, f"coil:{address}")


def _simulated(config: Configuration) -> Iterator[Finding]:
    """A box has one keyset, and that is of production or of a simulation: its lanes are all of one kind (I20)."""
    for index, lane in enumerate(config.lanes):
        named = ", ".join(name for name, use in lane.not_real if use.endswith("sim"))
        if named and not lane.simulated:
            expected = Bilingual(f"true:{named} 是模拟设备", f"true, because of {named}")
            hint = Bilingual("去掉这一项,或接入真实设备", "leave it out, or connect the real device")
            yield Finding(("lanes", index, "simulated"), "simulation_denied", lane.simulated, expected, hint)
    first = config.lanes[0].simulated
    for index, lane in enumerate(config.lanes):
        if lane.simulated is not first:
            expected = Bilingual("与第一条车道相同:要么全部模拟,要么全部真实", "as in the first lane: all or none")
            hint = Bilingual("模拟车道放到另一台机器上", "run simulated lanes on a box of their own")
            yield Finding(("lanes", index, "simulated"), "mixed_simulation", lane.simulated, expected, hint)


def _lane(lane: Lane, path: PathKey) -> Iterator[Finding]:
    barrier = lane.barrier
    age_ms = lane.timing.sample_max_age_ms
    if age_ms < barrier.poll_ms:
        expected = Bilingual(f"不小于 poll_ms({barrier.poll_ms})", f"at least poll_ms ({barrier.poll_ms})")
        yield Finding((*path, "timing", "sample_max_age_ms"), "shorter_than_poll", age_ms, expected)
    yield from barrier_findings(barrier, (*path, "barrier"), age_ms)
    signals = (*path, "barrier", "map", "signals")
    yield from _duplicates(
        (((*signals, name), f"discrete:{point.address}") for name, point in barrier.map.signals if point is not None),
        "duplicate_address",
    )
    inputs = [point.address for _, point in barrier.map.signals if point is not None]
    yield from _too_far_apart(signals, inputs, MOST_INPUTS_IN_ONE_READ)
    registers = (*path, "barrier", "map", "registers")
    held = [number for _, number in barrier.map.registers if number is not None]
    yield from _too_far_apart(registers, held, MOST_REGISTERS_IN_ONE_READ)
    yield from _duplicates(
        (((*registers, name), f"holding:{number}") for name, number in barrier.map.registers if number is not None),
        "duplicate_address",
    )
    yield from _duplicates((((*path, "must_match", i), v) for i, v in enumerate(lane.must_match)), "duplicate_value")
    yield from _duplicates((((*path, "two_persons", i), v) for i, v in enumerate(lane.two_persons)), "duplicate_value")
    if lane.calendar is not None:
        dates = (((*path, "calendar", "exceptions", i, "date"), v.date) for i, v in enumerate(lane.calendar.exceptions))
        yield from _duplicates(dates, "duplicate_value")
    if lane.siren is not None:
        yield from _duplicates(
            (((*path, "siren", "sounds_for", i), v) for i, v in enumerate(lane.siren.sounds_for)), "duplicate_value"
        )
        if barrier.map.coils.siren is None:
            needed = Bilingual("barrier.map.coils.siren", "barrier.map.coils.siren")
            hint = Bilingual('例如 coils: {..., siren: "coil:5"}', 'for example coils: {..., siren: "coil:5"}')
            yield Finding((*path, "siren"), "no_device_for", "siren", needed, hint)
    yield from _fitting(lane, path)
    yield from _weighed_empty(lane, path)
    yield from _readable(lane, path)
    yield from _devices(lane, path)


def _too_far_apart(path: PathKey, addresses: Sequence[int], most: int) -> Iterator[Finding]:
    """One read has to cover them all: a scan in two halves would not be of one moment."""
    if addresses and max(addresses) - min(addresses) >= most:
        first, last = min(addresses), max(addresses)
        expected = Bilingual(f"一次读取能覆盖的地址(至多 {most} 个)", f"addresses that one read of {most} covers")
        yield Finding(path, "addresses_too_far_apart", f"{first} - {last}", expected)


def _fitting(lane: Lane, path: PathKey) -> Iterator[Finding]:
    """No container is looked for, or demanded, where none comes."""
    if lane.traffic in _WITH_CONTAINERS:
        return
    kinds = ", ".join(_WITH_CONTAINERS)
    expected = Bilingual(f"traffic: {lane.traffic} 的车道不识别箱号", f"no container in a lane for {lane.traffic}")
    hint = Bilingual(f"去掉它,或把 traffic 改为 {kinds}", f"leave it out, or set traffic to one of {kinds}")
    reads = (
        ((*path, *place, "reads", index), what)
        for place, camera in lane.every_camera
        for index, what in enumerate(camera.reads)
    )
    demands = (((*path, "must_match", index), name) for index, name in enumerate(lane.must_match))
    engines = () if lane.container_engine is None else (((*path, "container_engine"), "container"),)
    for where, what in (*reads, *demands, *engines):
        if what in ("container", "containers"):
            yield Finding(where, "not_in_traffic", what, expected, hint)


def _weighed_empty(lane: Lane, path: PathKey) -> Iterator[Finding]:
    """Only where nothing but boxes comes is a heavy vehicle without one a contradiction."""
    for within, device in lane.every_line:
        if isinstance(device, Weighbridge) and device.empty_weights is not None and lane.traffic != "container":
            expected = Bilingual("不写:仅用于 traffic: container", "nothing: it is for traffic: container")
            yield Finding((*path, *within, "empty_weights"), "not_in_traffic", lane.traffic, expected)


def _readable(lane: Lane, path: PathKey) -> Iterator[Finding]:
    views = {(camera.place, what) for camera in lane.cameras for what in camera.reads}
    able = {
        "front_plate": ("front", "plate") in views,
        "rear_plate": ("rear", "plate") in views,
        "containers": any(what == "container" for _, what in views) or lane.container_engine is not None,
        "tag": lane.tag_reader is not None,
        "weight": lane.weighbridge is not None,
        "driver": lane.driver_identity is not None,
        "seals": lane.seal_reader is not None,
    }
    needed = {
        "front_plate": Bilingual("place: front 且 reads 含 plate 的相机", "a camera with place front that reads plate"),
        "rear_plate": Bilingual("place: rear 且 reads 含 plate 的相机", "a camera with place rear that reads plate"),
        "containers": Bilingual("reads 含 container 的相机", "a camera that reads container, or a container_engine"),
        "tag": Bilingual("tag_reader", "a tag_reader"),
        "weight": Bilingual("weighbridge", "a weighbridge"),
        "driver": Bilingual("driver_identity", "a driver_identity"),
        "seals": Bilingual("seal_reader", "a seal_reader"),
    }
    hint = Bilingual("增加设备,或从 must_match 去掉", "add the device, or leave it out of must_match")
    for index, identifier in enumerate(lane.must_match):
        if identifier == "containers" and lane.traffic not in _WITH_CONTAINERS:
            continue  # a camera would not help: `_fitting` says what is wrong
        if not able[identifier]:
            yield Finding((*path, "must_match", index), "no_device_for", identifier, needed[identifier], hint)


def _devices(lane: Lane, path: PathKey) -> Iterator[Finding]:
    for within, device in (*lane.every_camera, *lane.every_line, *lane.over_http):
        yield from _package(device, (*path, *within))
    for within, camera in lane.every_camera:
        place = (*path, *within)
        yield from _duplicates((((*place, "reads", i), v) for i, v in enumerate(camera.reads)), "duplicate_value")
        if "vehicle" in camera.reads and "container" not in camera.reads:
            # Nothing else asks whether a vehicle is there: it tells that one carries no box.
            expected = Bilingual("vehicle 与 container 一起识别", "vehicle together with container")
            yield Finding((*place, "reads"), "vehicle_without_container", ", ".join(camera.reads), expected)
        if camera.frames_max < camera.frames_needed:
            needed = camera.frames_needed
            expected = Bilingual(f"不小于 frames_needed({needed})", f"at least frames_needed ({needed})")
            yield Finding((*place, "frames_max"), "frames_max_too_small", camera.frames_max, expected)
        if camera.password_file is not None and camera.user is None:
            yield Finding((*place, "password_file"), "password_without_user", camera.password_file, _USER)
        if camera.auth == "basic" and camera.user is None:
            yield Finding((*place, "auth"), "auth_without_user", camera.auth, _USER)
        if camera.driver in OVER_RTSP and camera.mode != "snapshot":
            expected = Bilingual("不写:仅用于 http_camera", "nothing: it is for http_camera")
            yield Finding((*place, "mode"), "not_for_driver", camera.mode, expected)
        yield from mask_findings(camera, place)
        yield from _trust(camera, place)
        yield from _camera_keys(camera, place)
    for within, device in (*lane.every_line, *lane.over_http):
        if isinstance(device, TagReader):
            yield from _reader(device, (*path, *within))
        else:
            yield from line_findings(device, (*path, *within))


def _package(device: Packaged, path: PathKey) -> Iterator[Finding]:
    if (device.driver == "package") != (device.package is not None):
        expected = Bilingual("driver: package 与 package 同时给出", "driver: package and package together")
        yield Finding((*path, "driver"), "package_incomplete", device.driver, expected)


def _trust(camera: Camera, path: PathKey) -> Iterator[Finding]:
    """A camera over HTTPS is known by one thing, and over HTTP by none: what is given there would seem to protect."""
    given = [key for key in ("ca_file", "certificate_sha256") if getattr(camera, key) is not None]
    if urlsplit(camera.url).scheme != "https":
        expected = Bilingual("不写:仅用于 https 地址", "nothing: it is for an address with https")
        for key in given:
            yield Finding((*path, key), "trust_without_https", getattr(camera, key), expected)
    elif len(given) != 1:
        expected = Bilingual("ca_file 或 certificate_sha256,二选一", "ca_file or certificate_sha256, one of them")
        yield Finding((*path, "url"), "https_without_trust", " + ".join(given) or "https", expected)


def _camera_keys(camera: Camera, path: PathKey) -> Iterator[Finding]:
    """What is given for another driver than that of the camera would be given in vain."""
    if camera.package is not None:
        return
    expected = (
        Bilingual("不写:该相机自行推送识别事件", "nothing: this camera tells its events by itself")
        if camera.tells_events
        else Bilingual("不写:仅用于推送识别事件的相机", "nothing: only for cameras that tell events")
    )
    yield from _given_in_vain(camera, path, camera.in_vain, expected)
    if not camera.pushes:
        expected = Bilingual("不写:仅用于 isapi_push", "nothing: only for isapi_push")
        yield from _given_in_vain(camera, path, ONLY_OF_PUSHES, expected)
        return
    if camera.user is not None and camera.password_file is None:
        yield Finding((*path, "user"), "missing_for_driver", camera.driver, _PASSWORD)
    if camera.spool is None:
        expected = Bilingual("同时给出 spool", "spool with it")
        yield Finding((*path, "driver"), "missing_for_driver", camera.driver, expected)


def _given_in_vain(camera: Camera, path: PathKey, keys: Iterable[str], expected: Bilingual) -> Iterator[Finding]:
    for key in keys:
        if getattr(camera, key) != Camera.model_fields[key].default:
            yield Finding((*path, key), "not_for_driver", getattr(camera, key), expected)


def _reader(reader: TagReader, path: PathKey) -> Iterator[Finding]:
    antennas = [((*path, "antennas", index), antenna) for index, antenna in enumerate(reader.antennas)]
    yield from _duplicates(antennas, "duplicate_value")
    if reader.driver == "uhf_llrp" and not reader.port.startswith("socket://"):
        expected = Bilingual(
            "socket://主机:5084:LLRP 只走网络", "socket://host:5084: LLRP is spoken in a network alone"
        )
        yield Finding((*path, "port"), "port_not_in_network", reader.port, expected)
    spoken = READERS[reader.driver].antennas
    if reader.profile not in spoken:
        names = ", ".join(spoken)
        expected = Bilingual(f"{reader.driver} 的方言之一:{names}", f"a profile of {reader.driver}: {names}")
        yield Finding((*path, "profile"), "profile_of_another_driver", reader.profile, expected)
        return
    most = spoken[reader.profile]
    expected = Bilingual(f"小于 {most}:该读写器的天线数", f"less than {most}, the antennas of this reader")
    for place, antenna in antennas:
        if antenna >= most:
            yield Finding(place, "antenna_not_there", antenna, expected)


_USER = Bilingual("同时给出用户名", "a user name with it")
_PASSWORD = Bilingual("同时给出 password_file", "password_file with it")


def _broker(config: Configuration) -> Iterator[Finding]:
    broker = config.broker
    if broker.password_file is not None and broker.username is None:
        yield Finding(("broker", "password_file"), "password_without_user", broker.password_file, _USER)
    if broker.tls is not None and (broker.tls.cert_file is None) != (broker.tls.key_file is None):
        expected = Bilingual("cert_file 和 key_file 同时给出", "cert_file and key_file together")
        yield Finding(("broker", "tls"), "key_without_certificate", "one of them / 只有一个", expected)


def _named_authorities(config: Configuration) -> Iterator[Finding]:
    known = [authority.id for authority in config.authorities]
    for index, lane in enumerate(config.lanes):
        parts = (
            ("limited_offline", lane.limited_offline),
            ("handheld", lane.handheld),
            ("sampling", lane.sampling),
        )
        for part, named in parts:
            if named is not None and named.authority not in known:
                expected = Bilingual(
                    f"已配置的放行机构:{'、'.join(known)}", f"a configured authority: {', '.join(known)}"
                )
                path = ("lanes", index, part, "authority")
                yield Finding(path, "unknown_authority", named.authority, expected)


def _join(config: Configuration) -> Iterator[Finding]:
    count = len(config.authorities)
    if config.join != "quorum":
        if config.quorum_of is not None:
            expected = Bilingual("join: quorum 时才有 quorum_of", "quorum_of only with join: quorum")
            yield Finding(("quorum_of",), "quorum_unused", config.quorum_of, expected)
    elif config.quorum_of is None:
        expected = Bilingual("quorum_of(需要几个放行)", "quorum_of: how many must release")
        yield Finding(("join",), "quorum_missing", config.join, expected)
    elif config.quorum_of > count:
        expected = Bilingual(f"至多 {count}(authorities 的个数)", f"at most {count}, the number of authorities")
        yield Finding(("quorum_of",), "quorum_too_large", config.quorum_of, expected)
