"""JSON for the frozen dataclasses of `edge.core`: events, effects, state, in the journal and in replay.

The declared type of each field decides its form, so a value reads back exactly equal. A plan per type is made
once and kept. Dataclasses carry `"type"` at the top and wherever a union leaves a choice, nowhere else.
"""

import dataclasses
import enum
import json
import math
import types
import typing
from collections.abc import Callable, Hashable, Mapping
from functools import lru_cache
from typing import Any, Literal, NoReturn, TypeVar, Union, cast, get_args, get_origin

from edge.json_encoder import encoder

Convert = Callable[[Any], Any]
T = TypeVar("T")
TAG = "type"

_dump = encoder(allow_nan=False, sort_keys=True, separators=(",", ":"))


class CodecError(ValueError):
    """A value or text does not fit the declared type; the message says where, what was expected and got."""


class _Plan(typing.NamedTuple):
    encode: Convert
    decode: Convert
    # Values of exactly these types encode as themselves: most values do, and a call for each is what costs.
    plain: frozenset[type] = frozenset()


def encode(value: Any, declared: Any = None) -> Any:
    """Return `value` (a dataclass instance) as JSON-able data with its `type`.

    `declared` is needed only where the class alone does not say it (a generic: `Reading[Plate]`).
    Raises CodecError for a value that its declared types do not allow.
    """
    return _top_plan(cast(Hashable, type(value) if declared is None else declared)).encode(value)


@typing.overload
def decode(cls: type[T], data: Any) -> T: ...
@typing.overload
def decode(cls: types.UnionType, data: Any) -> Any: ...
def decode(cls: Any, data: Any) -> Any:
    """Return the instance of `cls` (a dataclass, or a union of dataclasses) that `data` spells.

    A missing field takes its default, so that journals of an older version stay readable. Raises CodecError
    for an unknown field or type, a missing field without default, a value outside its declared type.
    """
    return _top_plan(cls).decode(data)


def to_bytes(data: Any) -> bytes:
    """Return JSON-able data in canonical form: sorted keys, compact, UTF-8. Raises CodecError."""
    try:
        return _dump(data).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise CodecError(f"not canonical JSON: {error}") from error


def from_bytes(raw: bytes | str) -> Any:
    """Return strictly decoded JSON: duplicate keys, NaN, infinities and bad UTF-8 raise CodecError."""
    try:
        text = raw if isinstance(raw, str) else raw.decode()
        return _parse(text)
    except (ValueError, RecursionError) as error:
        raise CodecError(f"not strict JSON: {error}") from error


def canonical(value: Any, declared: Any = None) -> bytes:
    """Return `encode(value)` as canonical bytes. Raises CodecError."""
    return to_bytes(encode(value, declared))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) != len(pairs):
        raise ValueError("duplicate key")
    return data


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


# Made once: `json.loads` makes a decoder of its own at each call that does not want the defaults.
_parse = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant).decode


def _refuse(expected: str, got: object) -> NoReturn:
    raise CodecError(f"expected {expected}, got {type(got).__name__} {str(got)[:80]!r}")


@lru_cache(maxsize=512)
def _top_plan(declared: Hashable) -> _Plan:
    options = _members(declared)
    if not options or not all(_is_dataclass(option) for option in options):
        raise CodecError(f"not a dataclass or a union of dataclasses: {declared!r}")
    return _tagged_plan(options)


@lru_cache(maxsize=2048)
def _plan(declared: Any) -> _Plan:
    if declared in _SCALARS:
        return _scalar_plan(declared)
    if _is_dataclass(declared):
        return _dataclass_plan(declared)
    if isinstance(declared, type) and issubclass(declared, enum.Enum):
        return _enum_plan(declared)
    origin, args = get_origin(declared), get_args(declared)
    if origin is Literal:
        return _literal_plan(args)
    if origin in (Union, types.UnionType):
        return _union_plan(args)
    if origin is tuple:
        return _sequence_plan(args[0]) if args[1:] == (...,) else _tuple_plan(args)
    if origin is frozenset:
        return _set_plan(args[0])
    if origin in (dict, Mapping) and args[0] is str:
        return _mapping_plan(args[1])
    raise CodecError(f"no plan for the declared type {declared!r}")


def _exact(kind: type) -> Convert:
    def convert(value: Any) -> Any:
        if type(value) is not kind:
            _refuse(kind.__name__, value)
        return value

    return convert


def _real(value: Any) -> float:
    if (type(value) is not float and type(value) is not int) or not math.isfinite(value):
        _refuse("a finite number", value)
    return float(value)


_SCALARS: dict[Any, Convert] = {
    str: _exact(str),
    int: _exact(int),
    bool: _exact(bool),
    type(None): _exact(type(None)),
    None: _exact(type(None)),
    float: _real,
}


def _scalar_plan(declared: Any) -> _Plan:
    convert = _SCALARS[declared]
    return _Plan(convert, convert, frozenset() if declared is float else frozenset({declared or type(None)}))


def _literal_plan(allowed: tuple[Any, ...]) -> _Plan:
    # 1 == True: the type belongs to the value.
    pairs = frozenset((type(value), value) for value in allowed)

    def convert(value: Any) -> Any:
        if value.__class__ is list or value.__class__ is dict or (value.__class__, value) not in pairs:
            _refuse(f"one of {allowed}", value)
        return value

    return _Plan(convert, convert)


def _enum_plan(kind: type[enum.Enum]) -> _Plan:
    check = _exact(kind)

    def decode_name(value: Any) -> enum.Enum:
        if type(value) is not str or value not in kind.__members__:
            _refuse(f"a name of {kind.__name__}", value)
        return kind[value]

    return _Plan(lambda value: check(value).name, decode_name)


def _union_plan(args: tuple[Any, ...]) -> _Plan:
    options = tuple(arg for arg in args if arg is not type(None))
    if len(options) == 1:
        inner = _plan(options[0])
    elif all(_is_dataclass(option) for option in options):
        inner = _tagged_plan(options)
    elif all(option in _SCALARS for option in options):
        inner = _scalar_union_plan(options)
    else:
        raise CodecError(f"no plan for the union {args!r}: only dataclasses, or only scalars")
    if len(options) == len(args):
        return inner
    encode_inner, decode_inner, plain = inner
    return _Plan(
        lambda value: None if value is None else encode_inner(value),
        lambda value: None if value is None else decode_inner(value),
        plain | {type(None)},
    )


def _scalar_union_plan(options: tuple[Any, ...]) -> _Plan:
    kinds = frozenset(options)

    def convert(value: Any) -> Any:
        if type(value) not in kinds or (type(value) is float and not math.isfinite(value)):
            _refuse(" or ".join(sorted(kind.__name__ for kind in kinds)), value)
        return value

    return _Plan(convert, convert, kinds - {float})


def _sequence_plan(item: Any) -> _Plan:
    encode_item, decode_item, plain = _plan(item)

    def encode_all(value: Any) -> list[Any]:
        if type(value) is not tuple:
            _refuse("tuple", value)
        return [one if type(one) in plain else encode_item(one) for one in value]

    def decode_all(value: Any) -> tuple[Any, ...]:
        if type(value) is not list:
            _refuse("array", value)
        return tuple([decode_item(one) for one in value])

    return _Plan(encode_all, decode_all)


def _tuple_plan(args: tuple[Any, ...]) -> _Plan:
    plans = [_plan(arg) for arg in args]

    def encode_all(value: Any) -> list[Any]:
        if type(value) is not tuple or len(value) != len(plans):
            _refuse(f"tuple of {len(plans)}", value)
        return [
            one if type(one) in plain else encode_one(one)
            for (encode_one, _, plain), one in zip(plans, value, strict=True)
        ]

    def decode_all(value: Any) -> tuple[Any, ...]:
        if type(value) is not list or len(value) != len(plans):
            _refuse(f"array of {len(plans)}", value)
        return tuple([plan.decode(one) for plan, one in zip(plans, value, strict=True)])

    return _Plan(encode_all, decode_all)


def _set_plan(item: Any) -> _Plan:
    encode_item, decode_item, _ = _plan(item)

    def encode_all(value: Any) -> list[Any]:
        if type(value) is not frozenset:
            _refuse("frozenset", value)
        # A set has no order of its own: canonical bytes need one.
        return sorted((encode_item(one) for one in value), key=_dump)

    def decode_all(value: Any) -> frozenset[Any]:
        if type(value) is not list:
            _refuse("array", value)
        found = frozenset(decode_item(one) for one in value)
        if len(found) != len(value):
            _refuse("distinct items", value)
        return found

    return _Plan(encode_all, decode_all)


def _mapping_plan(item: Any) -> _Plan:
    encode_item, decode_item, _ = _plan(item)

    def convert(each: Convert) -> Convert:
        def convert_all(value: Any) -> dict[str, Any]:
            if not isinstance(value, Mapping) or not all(type(key) is str for key in value):
                _refuse("object", value)
            return {key: each(one) for key, one in value.items()}

        return convert_all

    return _Plan(convert(encode_item), convert(decode_item))


def _dataclass_plan(declared: Any) -> _Plan:
    cls: type = get_origin(declared) or declared
    fields = dataclasses.fields(cls)
    hints = _field_types(declared, cls)
    names = {field.name: hints[field.name] for field in fields}
    required = frozenset(
        f.name for f in fields if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    )

    # Made at first use: a type may be its own ancestor.
    plans: dict[str, _Plan] = {}
    encoders: list[tuple[str, frozenset[type], Convert]] = []

    def make_plans() -> None:
        plans.update({name: _plan(hint) for name, hint in names.items()})
        encoders.extend((name, plan.plain, plan.encode) for name, plan in plans.items())

    def encode_fields(value: Any) -> dict[str, Any]:
        if type(value) is not cls:
            _refuse(cls.__name__, value)
        if not plans:
            make_plans()
        return {
            name: one if type(one := getattr(value, name)) in plain else encode_one(one)
            for name, plain, encode_one in encoders
        }

    def decode_fields(value: Any) -> Any:
        if type(value) is not dict:
            _refuse(f"object {cls.__name__}", value)
        if not required <= value.keys() <= names.keys():
            _refuse(f"the fields of {cls.__name__} ({', '.join(names)})", sorted(value))
        if not plans:
            make_plans()
        return cls(**{name: plans[name].decode(one) for name, one in value.items()})

    return _Plan(encode_fields, decode_fields)


def _field_types(declared: Any, cls: type) -> dict[str, Any]:
    hints = typing.get_type_hints(cls)
    parameters: tuple[Any, ...] = vars(cls).get("__parameters__", ())
    known = dict(zip(parameters, get_args(declared), strict=False))
    for name, hint in hints.items():
        if isinstance(hint, TypeVar):
            hints[name] = known.get(hint, hint)
            continue
        inner: tuple[Any, ...] | None = getattr(hint, "__parameters__", None)
        if known and inner:
            hints[name] = hint[tuple(known.get(parameter, parameter) for parameter in inner)]
    if TAG in hints:
        raise CodecError(f"{cls.__name__} has a field named {TAG!r}, which is the tag")
    return hints


def _tagged_plan(options: tuple[Any, ...]) -> _Plan:
    classes = {(get_origin(option) or option): option for option in options}
    names = {cls.__name__: _plan(option) for cls, option in classes.items()}
    if len(names) != len(options):
        raise CodecError(f"two types of one name in {options!r}")
    encoders = {cls: (cls.__name__, names[cls.__name__].encode) for cls in classes}

    def encode_tagged(value: Any) -> dict[str, Any]:
        found = encoders.get(type(value))
        if found is None:
            _refuse(" or ".join(names), value)
        name, encode_one = found
        data = cast(dict[str, Any], encode_one(value))
        data[TAG] = name
        return data

    def decode_tagged(value: Any) -> Any:
        tag = value.get(TAG) if type(value) is dict else None
        if type(tag) is not str or tag not in names:
            _refuse(f"object with type {' or '.join(names)}", value if tag is None else tag)
        return names[tag].decode({name: one for name, one in value.items() if name != TAG})

    return _Plan(encode_tagged, decode_tagged)


def _members(declared: Any) -> tuple[Any, ...]:
    return get_args(declared) if get_origin(declared) in (Union, types.UnionType) else (declared,)


def _is_dataclass(declared: Any) -> bool:
    cls = get_origin(declared) or declared
    return isinstance(cls, type) and dataclasses.is_dataclass(cls)
