"""The values in force and where each came from."""

from collections.abc import Iterator

from config.problems import path_text
from config.schema import Configuration, PathKey

DEFAULT = "default"


def effective(config: Configuration) -> list[tuple[str, object, str]]:
    """Every single value as (path, value, origin); the origin is `default` or `file:line`. In schema order."""
    return [
        (path_text(path), value, config._origins.get(path) or _short_form_origin(config, path))
        for path, value in _leaves(config.model_dump(mode="json"), ())
    ]


def _short_form_origin(config: Configuration, path: PathKey) -> str:
    # `arrival_loop: discrete:0` is short for its address.
    if path[-1] == "address":
        return config._origins.get(path[:-1], DEFAULT)
    return DEFAULT


def _leaves(value: object, path: PathKey) -> Iterator[tuple[PathKey, object]]:
    match value:
        case dict() if value:
            for key, child in value.items():
                yield from _leaves(child, (*path, key))
        case list() if value:
            for index, child in enumerate(value):
                yield from _leaves(child, (*path, index))
        case _:
            yield path, value
