import pytest

from edge.field_policy import FieldPolicy, masked


def test_masks_show_the_end_only() -> None:
    assert masked("TCLU4254260") == "*********60"
    assert masked("ab") == "**"
    assert masked("") == ""


def test_what_is_no_identifier_is_denied() -> None:
    policy = FieldPolicy(plates="deny", containers="hash", tag="mask", hash_key=b"k" * 16)
    assert policy.apply({"tag": "E200", "containers": 12, "plates": ["x"], "driver": "y"}) == {
        "tag": "**00",
        "containers": None,
    }


def test_only_what_identifies_is_hidden() -> None:
    plates = [{"place": "front", "colour": "blue", "text": "沪A12345"}]
    assert FieldPolicy(plates="mask").apply({"plates": plates}) == {
        "plates": [{"place": "front", "colour": "blue", "text": "*****45"}]
    }


def test_hashes_are_keyed() -> None:
    one, two = (FieldPolicy(tag="hash", hash_key=key * 16) for key in (b"1", b"2"))
    assert one.apply({"tag": "E2"}) == one.apply({"tag": "E2"}) != two.apply({"tag": "E2"})
    assert "1111" not in repr(one)


def test_the_rules_are_told_without_the_key() -> None:
    policy = FieldPolicy("mask", "hash", "deny", hash_key=b"k" * 16)
    assert policy.rules == {
        "plates": "mask",
        "containers": "hash",
        "tag": "deny",
        "weight": "allow",
        "driver": "deny",
        "seals": "allow",
    }


def test_a_weight_is_shown_or_not() -> None:
    weight = {"status": "read", "kg": 18_850, "reason": None}
    assert FieldPolicy().apply({"weight": weight}) == {"weight": weight}
    assert FieldPolicy(weight="deny").apply({"weight": weight}) == {}
    with pytest.raises(ValueError, match="allow or deny"):
        FieldPolicy(weight="mask")  # type: ignore[arg-type]


def test_who_drives_is_shown_to_nobody_unless_a_rule_says_so() -> None:
    driver = {"status": "read", "text": "6217000123", "medium": "ic", "reason": None}
    assert FieldPolicy().apply({"driver": driver}) == {}
    assert FieldPolicy(driver="allow").apply({"driver": driver}) == {"driver": driver}
    assert FieldPolicy(driver="mask").apply({"driver": driver}) == {"driver": driver | {"text": "********23"}}
    hashed = FieldPolicy(driver="hash", hash_key=b"k" * 16).apply({"driver": driver})["driver"]
    assert len(hashed["text"]) == 64
    unread = {"status": "unread", "text": None, "medium": None, "reason": "no_card"}
    assert FieldPolicy(driver="mask").apply({"driver": unread}) == {"driver": unread}


def test_of_a_seal_its_number_alone_is_withheld() -> None:
    seal = {"seal": "CNSEAL0001", "locked": False, "openings": 3, "battery_percent": None}
    seals = {"status": "read", "reason": None, "seen": [seal]}
    assert FieldPolicy().apply({"seals": seals}) == {"seals": seals}
    masked_seal = seal | {"seal": "********01"}
    assert FieldPolicy(seals="mask").apply({"seals": seals}) == {"seals": seals | {"seen": [masked_seal]}}
    assert FieldPolicy(seals="deny").apply({"seals": seals}) == {}


def test_a_policy_that_cannot_work_is_refused() -> None:
    with pytest.raises(ValueError, match="hash_key"):
        FieldPolicy(tag="hash", hash_key=b"short")
    with pytest.raises(ValueError, match="unknown field rule"):
        FieldPolicy(tag="show")  # type: ignore[arg-type]
