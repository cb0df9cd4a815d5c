"""What a person said in a request: as their words, under each authority's field policy."""

from typing import Any

import pytest

from edge.clearance.envelope import canonical_json
from edge.clearance.request import RequestHead, build_request, open_request
from edge.core.readings import Identity, Reading
from edge.core.supplement import Supplement
from edge.field_policy import FieldPolicy, FieldRule
from tests.support.clearance import AUTHORITY, LANE, NOW, SITE, World

HEAD = RequestHead(AUTHORITY, SITE, LANE, "boot1", 1, "passage1", "nonce2", 4)
PLATE, CODE = "沪A12345", "CSQU3054383"
UNREAD = Identity(
    plates=(("front", Reading("unread", reason="no_agreement")),),
    containers=Reading("unread", reason="not_found"),
)
WORDS = Supplement("chen", "mud on 沪A12345", (("front", PLATE),), (CODE,), "li")


def opened(world: World, policy: FieldPolicy, words: Supplement | None = WORDS) -> tuple[dict[str, Any], Any]:
    request = build_request(
        HEAD, UNREAD, key=world.lane_key, key_id=world.lane_key_id, policy=policy, config_hash="c" * 64,
        model_hash="d" * 64, simulated=False, supplement=words,
    )  # fmt: skip
    claims = open_request(request.raw, keyset=world.keyset, site=SITE, lane=LANE, now_utc=NOW)
    return claims, dict(request.shown)


def test_words_stand_beside_readings_that_stay_unread(world: World) -> None:
    claims, shown = opened(world, FieldPolicy())
    assert claims["supplement"] == {
        "operator": "chen",
        "first_operator": "li",
        "plates": [{"place": "front", "policy": "allow", "text": PLATE}],
        "containers": {"policy": "allow", "codes": [CODE]},
    }
    assert claims["readings"]["containers"]["status"] == "unread"
    assert claims["readings"]["plates"][0]["value"] is None
    # The share log says that these kinds were shown.
    assert (shown["plates"], shown["containers"], shown["tag"]) == ("allow", "allow", "nothing")
    assert "supplement" not in opened(world, FieldPolicy(), None)[0]
    assert opened(world, FieldPolicy(), None)[1]["plates"] == "nothing"


@pytest.mark.parametrize(("rule", "said"), [("mask", "*****45"), ("deny", None)])
@pytest.mark.hazard("I19")
def test_who_may_not_see_a_reading_is_not_told_a_word(world: World, rule: FieldRule, said: str | None) -> None:
    claims, shown = opened(world, FieldPolicy(plates=rule, containers=rule))
    assert claims["supplement"]["plates"][0]["text"] == said
    assert shown["plates"] == rule
    whole = canonical_json(claims).decode()
    # Nor by the reason that was given.
    assert PLATE not in whole
    assert CODE not in whole
