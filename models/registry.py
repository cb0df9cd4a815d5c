"""Which model files the product runs, where they lie and what their bytes must be."""

import hashlib
import importlib.util
import os
from pathlib import Path

from edge.regular_file import FileRefusedError, read_regular
from models.graph_bytes import GraphError, refuse_foreign
from models.registry_file import MAX_REGISTRY_BYTES, ModelEntry, entries_of
from models.roles import REQUIRED

__all__ = [
    "MAX_MODEL_BYTES",
    "REGISTRY_PATH",
    "REGISTRY_VARIABLE",
    "ModelEntry",
    "ModelError",
    "load_registry",
    "locate",
    "look_at_registry",
    "registry_hash",
    "registry_path",
    "verified_bytes",
]

REGISTRY_PATH = Path(__file__).with_name("registry.json")
# The registry of a site that has models of its own; the one that is shipped where it is not set.
REGISTRY_VARIABLE = "KAKOU_MODEL_REGISTRY"
# Files that a wheel ships today are below 25 MB; the cap keeps a wrong file from filling the memory.
MAX_MODEL_BYTES = 64 * 1024 * 1024


class ModelError(Exception):
    """A model, or the registry of all, cannot be used. `code` says why.

    The file: `model_missing`, `model_not_a_file` (a directory, a pipe, a device), `model_too_large`,
    `model_unreadable`.
    The registry: `model_registry_malformed`, and `model_missing` for a role that it names no model for.
    The model: `model_tampered` (other bytes than the registered ones), `model_unloadable` (no ONNX graph),
    `model_external_data` (weights in another file), `model_foreign_operator` (an operator that is not one of ONNX
    itself), `model_unfit` (not what its role takes and gives), `model_memory` (more memory than a worker may take),
    `model_output` (it answers what it may not answer).
    """

    def __init__(self, code: str, name: str, path: str, expected: str, got: str, next_step: str) -> None:
        # A path may hold bytes that are no characters: who prints it would fail.
        whole = f"{code}: model {name} at {path}: expected {expected}, got {got}; next: {next_step}"
        super().__init__(whole.encode("utf-8", "backslashreplace").decode())
        self.code = code
        self.name = name
        self.got = got


def registry_path() -> Path:
    """Return the registry that is in force in this process and in those that it starts."""
    return Path(os.environ.get(REGISTRY_VARIABLE) or REGISTRY_PATH)


def registry_hash() -> str:
    """Return the SHA-256 (hex) of the registry in force, which names the digest of every model.

    That of no bytes where it cannot be read: no model is loaded by it, and no manifest can name it.
    """
    try:
        return hashlib.sha256(read_regular(registry_path(), MAX_REGISTRY_BYTES)).hexdigest()
    except FileRefusedError:
        return hashlib.sha256().hexdigest()


def load_registry(path: Path = REGISTRY_PATH, required: tuple[str, ...] = ()) -> dict[str, ModelEntry]:
    """Return the registered models by name.

    Raises ModelError for the first thing that is wrong with the registry, or where it lacks one of `required`.
    """
    entries, errors = look_at_registry(path, required)
    for error in errors:
        raise error
    return entries


def look_at_registry(
    path: Path, required: tuple[str, ...] = REQUIRED
) -> tuple[dict[str, ModelEntry], list[ModelError]]:
    """Return the models that are registered as they should be, by name, and all that is wrong with the registry."""
    try:
        content = read_regular(path, MAX_REGISTRY_BYTES)
    except FileRefusedError as error:
        next_step = f"put it there, or name another in {REGISTRY_VARIABLE}"
        if path == REGISTRY_PATH:
            next_step = "reinstall the product"
        expected = f"a file of at most {MAX_REGISTRY_BYTES} bytes"
        return {}, [ModelError(f"model_{error.kind}", "registry", str(path), expected, error.got, next_step)]
    entries, problems = entries_of(content, required)
    return {entry.name: entry for entry in entries}, [
        ModelError(
            "model_missing" if problem.missing else "model_registry_malformed",
            problem.name or "registry",
            str(path),
            f"{problem.expected} ({problem.place})",
            problem.got,
            "reinstall the product" if path == REGISTRY_PATH else "mend the registry: models/README.md says how",
        )
        for problem in problems
    ]


def locate(entry: ModelEntry) -> Path:
    """Return where the file of `entry` lies, without importing its package (that costs a second and requests).

    An absolute `file` stands for itself. Raises ModelError (`model_missing`) where the package is not installed.
    """
    if Path(entry.file).is_absolute():
        return Path(entry.file)
    try:
        spec = importlib.util.find_spec(entry.package)
    except (ImportError, ValueError):
        spec = None
    if spec is None or spec.origin is None or not spec.submodule_search_locations:
        raise ModelError(
            "model_missing", entry.name, entry.package, "an installed package", "none", f"install {entry.package}"
        )
    return Path(spec.origin).parent / entry.file


def verified_bytes(entry: ModelEntry) -> bytes:
    """Return the bytes of a model whose digest is the registered one; the session is built from exactly these.

    They are all there is of it: what takes weights or operators from elsewhere is refused, because the digest says
    nothing of those. Raises ModelError.
    """
    path = locate(entry)
    try:
        content = read_regular(path, MAX_MODEL_BYTES)
    except FileRefusedError as error:
        expected = f"a file of at most {MAX_MODEL_BYTES} bytes"
        raise ModelError(f"model_{error.kind}", entry.name, str(path), expected, error.got, _mended(entry)) from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != entry.sha256.lower():
        raise ModelError(
            "model_tampered",
            entry.name,
            str(path),
            f"sha256 {entry.sha256}",
            digest,
            _mended(entry, " in the version of the lock file"),
        )
    try:
        refuse_foreign(content)
    except GraphError as error:
        raise ModelError(
            error.code,
            entry.name,
            str(path),
            error.expected,
            error.got,
            "export the model anew, whole, and register it",
        ) from error
    return content


def _mended(entry: ModelEntry, version: str = "") -> str:
    if Path(entry.file).is_absolute():
        return "put the registered file there again, or register the one that is to run"
    return f"reinstall {entry.package}{version}"
