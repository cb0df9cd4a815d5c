"""A registry that a site wrote: each field with each kind of wrong value is told by its place, never raised."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.registry import REGISTRY_PATH, load_registry
from models.registry_file import MAX_REGISTRY_BYTES, MOST_MEASURED, MOST_MODELS, MOST_TEXT, entries_of
from models.roles import REQUIRED, ROLES

SHIPPED = json.loads(REGISTRY_PATH.read_text("utf-8"))
KEYS = (
    *("name", "version", "licence", "package", "file", "sha256", "input", "source"),
    *("labels", "measured", "training_commit"),
)
OPTIONAL = ("labels", "measured", "training_commit")
# As JSON spells them: Python reads what is no JSON, NaN and infinities, too.
WRONG = {
    "null": "null",
    "true": "true",
    "number": "5",
    "negative": "-1",
    "huge": "9" * 4_000,
    "beyond": "9" * 5_000,
    "fraction": "1e400",
    "nan": "NaN",
    "infinity": "-Infinity",
    "list": '["text"]',
    "object": '{"a": {"b": 1}}',
    "nested": "[" * 400 + "]" * 400,
    "too deep": "[" * 100_000 + "]" * 100_000,
    "NUL": r'"a\u0000b"',
    "line": r'"a\nb"',
    "half": r'"\ud800"',
    "escape": r'"\u001b[2J"',
    "long": json.dumps("x" * (MOST_TEXT + 1)),
}


def with_value(key, spelt, place=0):
    """The shipped registry with this value at one key of one entry."""
    models = [dict(one) for one in SHIPPED["models"]]
    models[place][key] = "\0here\0"
    return json.dumps({"models": models}).replace(json.dumps("\0here\0"), spelt).encode()


def problems(content, required=REQUIRED):
    entries, found = entries_of(content, required)
    assert all(entry.name in ROLES for entry in entries)
    for one in found:
        told = f"{one.place} {one.expected} {one.got}"
        assert told.isprintable()
        assert len(told) < 1_500
    return found


def test_the_shipped_one_is_right():
    entries, found = entries_of(REGISTRY_PATH.read_bytes())
    assert found == []
    assert {entry.name: entry for entry in entries} == load_registry()
    assert load_registry().keys() == ROLES.keys()


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("key", KEYS)
def test_each_field_with_each_wrong_value_is_told_by_its_place(key, wrong):
    found = problems(with_value(key, WRONG[wrong]), required=())
    if wrong in ("too deep", "beyond"):
        # Where it stands cannot be said: the rest was not read.
        assert [one.place for one in found] == ["file"]
    else:
        assert [one.place for one in found] == [f"models[0].{key}"]
        # Whose it is, is told by its name as well.
        assert [one.name for one in found] == ["" if key == "name" else "text_detector"]


@pytest.mark.parametrize("key", KEYS)
def test_each_field_may_be_missing_or_not(key):
    models = [{name: value for name, value in one.items() if name != key} for one in SHIPPED["models"][:1]]
    found = problems(json.dumps({"models": models}).encode(), required=())
    assert [(one.place, one.got) for one in found] == ([] if key in OPTIONAL else [(f"models[0].{key}", "none")])


@pytest.mark.parametrize(
    ("key", "value", "expected", "got"),
    [
        ("name", "", "not empty", '""'),
        ("name", "plate_readr", "one of text_detector", "nearly plate_reader"),
        ("name", "own", "one of text_detector", '"own"'),
        ("version", "", "not empty", '""'),
        ("licence", "", "not empty", '""'),
        ("file", "", "not empty", '""'),
        ("package", "", "not empty", '""'),
        ("package", "os.path", "without a dot", '"os.path"'),
        ("package", "../up", "without a dot", '"../up"'),
        ("sha256", "", "64 hexadecimal digits", '""'),
        ("sha256", "0" * 63, "64 hexadecimal digits", '"000'),
        ("sha256", "g" * 64, "64 hexadecimal digits", '"ggg'),
        ("sha256", "٣" * 64, "64 hexadecimal digits", '"\\u0663'),
        ("measured", {"set": 5}, "texts", "an object of 1"),
        ("measured", {"set": "a\nb"}, "texts", "an object of 1"),
        ("measured", {str(one): "" for one in range(MOST_MEASURED + 1)}, "texts", f"an object of {MOST_MEASURED + 1}"),
    ],
)
def test_what_a_field_may_not_say(key, value, expected, got):
    (one,) = problems(with_value(key, json.dumps(value)), required=())
    assert one.place == f"models[0].{key}"
    assert expected in one.expected
    assert got in one.got


def test_capitals_of_a_digest_are_none():
    digest = SHIPPED["models"][0]["sha256"]
    entries, found = entries_of(with_value("sha256", json.dumps(digest.upper())))
    assert (found, entries[0].sha256) == ([], digest)


@pytest.mark.parametrize("entry", ["[]", "null", "5", '"text_reader"', "NaN", "true"])
def test_an_entry_that_is_no_object(entry):
    (one,) = problems(f'{{"models": [{entry}]}}'.encode(), required=())
    assert (one.place, one.expected) == ("models[0]", "an object")


@pytest.mark.parametrize(
    ("content", "place", "said"),
    [
        (b"", "file", "JSON in UTF-8"),
        (b"{", "file", "line 1 column 2"),
        (b"\xff{}", "file", "invalid start byte"),
        (b"\xef\xbb\xbf{}", "file", "BOM"),
        ('{"models": []}'.encode("utf-16"), "file", "JSON in UTF-8"),
        (b"[]", "file", "an object with the key models"),
        (b"5", "file", "an object with the key models"),
        (b"NaN", "file", "NaN"),
        (b"[" * 200_000, "file", "nested too deep"),
        (b'{"models":' * 100_000, "file", "nested too deep"),
        (b"{}", "models", "nothing"),
        (b'{"models": null}', "models", "nothing"),
        (b'{"models": {}}', "models", "an object of 0"),
        (b'{"models": "text"}', "models", '"text"'),
        (b'{"models": [], "models": []}', "file", '"models" twice'),
        (b'{"models": [{"name": "a", "name": "b"}]}', "file", '"name" twice'),
        (b'{"models": [], "more": 1}', "file", '"more"'),
        (b'{"models": [], "\\ud800\\n": 1}', "file", "ud800"),
        (b'{"models": [' + b"5," * MOST_MODELS + b"5]}", "models", f"a list of {MOST_MODELS + 1}"),
    ],
)
def test_a_file_that_is_no_registry(content, place, said):
    (one,) = problems(content, required=())
    assert one.place == place
    assert said in f"{one.expected}, {one.got}"


def test_a_key_that_is_none_is_told_with_the_nearest_and_a_few_of_many():
    models = [SHIPPED["models"][0] | {"licens": "x"}]
    (one,) = problems(json.dumps({"models": models}).encode(), required=())
    assert (one.place, one.got) == ("models[0]", '"licens", which is nearly licence')
    many = json.dumps({"models": [{str(one): 1 for one in range(80_000)}]}).encode()
    assert len(many) < MAX_REGISTRY_BYTES
    assert len(problems(many, required=())) == 3 + 8


def test_a_name_that_is_given_twice_and_a_role_without_a_model():
    models = [*SHIPPED["models"], SHIPPED["models"][1]]
    (one,) = problems(json.dumps({"models": models}).encode())
    assert (one.place, one.got) == (f"models[{len(SHIPPED['models'])}].name", '"text_reader" twice')
    found = problems(json.dumps({"models": SHIPPED["models"][1:2]}).encode())
    assert [one.name for one in found if one.missing] == [name for name in REQUIRED if name != "text_reader"]
    # What finds vehicles may be left out: the lane says of what it is asked for that it has none.
    blind = [one for one in SHIPPED["models"] if one["name"] != "vehicle_detector"]
    assert problems(json.dumps({"models": blind}).encode()) == []
    assert [one.name for one in problems(b'{"models": []}')] == list(REQUIRED)


def values():
    """Anything that JSON may say, and more: Python's parser takes NaN and halves of characters."""
    return st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.sampled_from(KEYS),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
        max_leaves=8,
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=8), values(), max_size=12), max_size=3))
def test_whatever_a_registry_says_it_is_taken_apart(models):
    found = problems(json.dumps({"models": models}).encode())
    assert {one.name for one in found} >= set(REQUIRED)


@settings(max_examples=60, deadline=None)
@given(values(), st.sampled_from(KEYS), st.integers(0, 6))
def test_whatever_a_field_says_is_taken_or_told_at_its_place(value, key, place):
    for one in problems(with_value(key, json.dumps(value), place)):
        assert (
            one.place.startswith(f"models[{place}]") or one.missing or one.got.endswith("twice") or one.place == "file"
        )
