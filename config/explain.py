"""Turns what pydantic found into problems with a place, an expectation and the nearest name."""

import re
import types
import typing
from collections.abc import Mapping

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from config.document import Document, PathKey
from config.problems import Bilingual, ConfigProblem, nearest, path_text, shown
from config.schema import Configuration

_TEXT = Bilingual("文本", "text")
_NUMBER = Bilingual("整数", "a whole number")
_REAL_NUMBER = Bilingual("数", "a number")
_SWITCH = Bilingual("true 或 false", "true or false")
_LIST = Bilingual("列表(每项前加 -)", "a list (items with -)")
_MAPPING = Bilingual("映射(key: value)", "a mapping (key: value)")
_TYPES: Mapping[str, Bilingual] = {
    "string_type": _TEXT,
    "int_type": _NUMBER,
    "int_from_float": _NUMBER,
    "float_type": _REAL_NUMBER,
    "bool_type": _SWITCH,
    "tuple_type": _LIST,
    "model_type": _MAPPING,
    "dict_type": _MAPPING,
    "path_type": Bilingual("文件路径", "a file path"),
    "is_instance_of": Bilingual("文件路径", "a file path"),
}
_BOUNDS: Mapping[str, tuple[str, str, str]] = {
    "greater_than_equal": ("ge", "不小于", "at least"),
    "less_than_equal": ("le", "不大于", "at most"),
}
_COUNTS: Mapping[str, tuple[str, str, str]] = {
    "too_short": ("min_length", "至少", "at least"),
    "too_long": ("max_length", "至多", "at most"),
    "string_too_short": ("min_length", "至少", "at least"),
    "string_too_long": ("max_length", "至多", "at most"),
}
_YAML_1_1_SWITCHES = frozenset({"yes", "no", "on", "off", "y", "n"})


def is_echo(error: ErrorDetails) -> bool:
    """True for what follows from another error: a list too short for its bad items, a default of a bad value."""
    if error["type"] == "default_factory_not_called":
        return True
    items = error["input"]
    return error["type"] == "too_short" and isinstance(items, tuple) and len(items) >= error["ctx"]["min_length"]


def explain(
    error: ErrorDetails, document: Document, file: str, model: type[BaseModel] = Configuration
) -> ConfigProblem:
    """One problem for one error; its place is the deepest part of its path that stands in the file.

    `model` is what the whole document should be.
    """
    path: PathKey = error["loc"]
    code, expected, hint = _explained(error, model)
    if code in ("missing_key", "unknown_key"):
        line, column = _key_place(path, document)
        value = shown(path[-1]) if code == "unknown_key" else _nothing()
    else:
        path = _in_file(path, document)
        line, column = document.values[path]
        value = shown(error["input"])
    if error.get("ctx", {}).get("secret"):
        value = "***"
    return ConfigProblem(file, line, column, code, path_text(path), value, expected, hint)


def _nothing() -> str:
    return "nothing / 无"


def _in_file(path: PathKey, document: Document) -> PathKey:
    while path not in document.values:
        path = path[:-1]
    return path


def _key_place(path: PathKey, document: Document) -> tuple[int, int]:
    return document.keys.get(path) or document.values[_in_file(path, document)]


def _explained(error: ErrorDetails, model: type[BaseModel]) -> tuple[str, Bilingual, Bilingual | None]:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "missing":
        return "missing_key", Bilingual(f"键 {error['loc'][-1]!r}", f"key {error['loc'][-1]!r}"), None
    if kind == "extra_forbidden":
        return _unknown_key(error["loc"], model)
    if kind in _TYPES:
        return "wrong_type", _TYPES[kind], _type_hint(kind, error["input"])
    if kind in _BOUNDS:
        name, zh, en = _BOUNDS[kind]
        return "out_of_range", Bilingual(f"{zh} {context[name]}", f"{en} {context[name]}"), None
    if kind in _COUNTS:
        name, zh, en = _COUNTS[kind]
        limit = context[name]
        return "wrong_length", Bilingual(f"{zh} {limit} 个", f"{en} {limit} of them"), None
    if kind == "literal_error":
        return _not_allowed(error["input"], str(context["expected"]))
    if "zh" in context:
        hint = Bilingual(context["hint_zh"], context["hint_en"]) if "hint_zh" in context else None
        return kind, Bilingual(context["zh"], context["en"]), hint
    return "invalid_value", Bilingual(error["msg"], error["msg"]), None


def _type_hint(kind: str, value: object) -> Bilingual | None:
    if kind == "string_type" and isinstance(value, int | float):
        word = shown(value)
        return Bilingual(f'请加引号写作 "{word}"', f'put it in quotes: "{word}"')
    if kind == "int_type" and isinstance(value, str) and value.strip().isdecimal():
        return Bilingual("请去掉引号", "remove the quotes")
    if kind == "bool_type" and isinstance(value, str) and value.lower() in _YAML_1_1_SWITCHES:
        return Bilingual("yes/no/on/off 在这里只是文本", "yes, no, on and off are only text here")
    if kind == "tuple_type" and isinstance(value, str | int):
        return Bilingual(f"单个值写作 [{shown(value)}]", f"write a single value as [{shown(value)}]")
    return None


def _not_allowed(value: object, options_text: str) -> tuple[str, Bilingual, Bilingual | None]:
    options = re.findall(r"'([^']*)'", options_text)
    choices = ", ".join(options) if options else options_text.replace(" or ", ", ")
    expected = Bilingual(f"其中之一:{choices}", f"one of {choices}")
    if str(value) in options:
        return "not_allowed", expected, _type_hint("string_type", value)
    return "not_allowed", expected, nearest(str(value), options)


def _unknown_key(path: PathKey, root: type[BaseModel]) -> tuple[str, Bilingual, Bilingual | None]:
    known = sorted(_known_keys(path[:-1], root))
    expected = Bilingual(f"已知的键:{', '.join(known)}", f"a known key: {', '.join(known)}")
    return "unknown_key", expected, nearest(str(path[-1]), known)


def _known_keys(path: PathKey, root: type[BaseModel]) -> frozenset[str]:
    model: type[BaseModel] | None = root
    for part in path:
        if isinstance(part, str) and model is not None:
            model = _model_in(model.__pydantic_fields__[part].annotation) if part in model.model_fields else None
    return frozenset(model.model_fields) if model is not None else frozenset()


def _model_in(annotation: object) -> type[BaseModel] | None:
    """The model within `Model`, `Model | None`, `tuple[Model, ...]` or an Annotated of them."""
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return annotation if issubclass(annotation, BaseModel) else None
    found = (_model_in(part) for part in typing.get_args(annotation))
    return next((model for model in found if model is not None), None)
