import string

import pytest

from edge.text import catalogue, default_language, say

VARIABLES = ("KAKOU_LANG", "LC_ALL", "LC_MESSAGES", "LANG")


def placeholders(text: str) -> set[str]:
    return {field for _, field, _, _ in string.Formatter().parse(text) if field is not None}


def test_both_languages_have_the_same_keys_and_placeholders():
    english, chinese = catalogue("en"), catalogue("zh")
    assert list(english) == list(chinese)
    for key, text in english.items():
        assert text.strip()
        assert chinese[key].strip()
        assert placeholders(text) == placeholders(chinese[key]), key
        assert "" not in placeholders(text), f"{key}: a field has a name"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"KAKOU_LANG": "zh", "LANG": "en_US.UTF-8"}, "zh"),
        ({"KAKOU_LANG": "en", "LANG": "zh_CN.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_TW.Big5"}, "zh"),
        ({"LC_ALL": "C", "LANG": "zh_CN.UTF-8"}, "en"),
        ({"LC_MESSAGES": "zh_CN.GB18030", "LANG": "en_US.UTF-8"}, "zh"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
    ],
)
def test_language_comes_from_the_setting_then_from_the_locale(monkeypatch, variables, expected):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert default_language() == expected


@pytest.mark.parametrize(
    ("system_locale", "expected"),
    [("Chinese (Simplified)_China", "zh"), ("zh_CN", "zh"), ("en_US", "en"), (None, "en")],
)
def test_without_variables_the_system_locale_decides(monkeypatch, system_locale, expected):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("locale.getlocale", lambda: (system_locale, "UTF-8"))
    assert default_language() == expected


def test_say_fills_in_fields():
    assert say("hold_authority", "en", authority="customs") == "held by customs"
    assert say("hold_authority", "zh", authority="customs") == "customs 要求人工处理"


def test_an_unknown_key_or_a_missing_field_is_an_error():
    with pytest.raises(KeyError):
        say("no_such_key", "en")
    with pytest.raises(KeyError):
        say("hold_authority", "en")
