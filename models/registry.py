"""Which model files the product runs, where they lie and what their bytes must be."""

import hashlib
import importlib.util
import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from models.graph_bytes import GraphError, refuse_foreign

REGISTRY_PATH = Path(__file__).with_name("registry.json")
# The registry of a site that has models of its own; the one that is shipped where it is not set.
REGISTRY_VARIABLE = "KAKOU_MODEL_REGISTRY"
# Files that a wheel ships today are below 25 MB; the cap keeps a wrong file from filling the memory.
MAX_MODEL_BYTES = 64 * 1024 * 1024


class ModelError(Exception):
    """A model cannot be used.

    `code` is `model_missing`, `model_tampered`, `model_unloadable`, `model_external_data` (weights in another file) or
    `model_foreign_operator` (an operator that is not one of ONNX itself).
    """

    def __init__(self, code: str, name: str, path: str, expected: str, got: str, next_step: str) -> None:
        super().__init__(f"{code}: model {name} at {path}: expected {expected}, got {got}; next: {next_step}")
        self.code = code
        self.name = name
        self.got = got


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One registered model: which file of which installed package, its digest, licence and origin.

    `labels` says what its columns mean, `measured` what was counted on which set, `training_commit` with which code it
    was trained ('' for models that others trained).
    """

    name: str
    version: str
    licence: str
    package: str
    file: str
    sha256: str
    input: str
    source: str
    labels: str = ""
    measured: dict[str, str] = field(default_factory=dict)
    training_commit: str = ""


def registry_path() -> Path:
    """Return the registry that is in force in this process and in those that it starts."""
    return Path(os.environ.get(REGISTRY_VARIABLE) or REGISTRY_PATH)


def registry_hash() -> str:
    """Return the SHA-256 (hex) of the registry in force, which names the digest of every model.

    That of no bytes where it cannot be read: no model is loaded by it, and no manifest can name it.
    """
    try:
        return hashlib.sha256(registry_path().read_bytes()).hexdigest()
    except OSError:
        return hashlib.sha256().hexdigest()


def load_registry(path: Path = REGISTRY_PATH, required: tuple[str, ...] = ()) -> dict[str, ModelEntry]:
    """Return the registered models by name.

    Raises ModelError (`model_missing`) where the registry is unusable or lacks one of `required`.
    """
    try:
        entries = [ModelEntry(**entry) for entry in json.loads(path.read_text("utf-8"))["models"]]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelError(
            "model_missing", "registry", str(path), "a readable registry", repr(error), "reinstall the product"
        ) from error
    by_name = {entry.name: entry for entry in entries}
    for name in required:
        if name not in by_name:
            raise ModelError(
                "model_missing", name, str(path), "an entry in the registry", "none", "reinstall the product"
            )
    return by_name


def locate(entry: ModelEntry) -> Path:
    """Return where the file of `entry` lies, without importing its package (that costs a second and requests).

    An absolute `file` stands for itself. Raises ModelError (`model_missing`) where the package is not installed.
    """
    if Path(entry.file).is_absolute():
        return Path(entry.file)
    spec = importlib.util.find_spec(entry.package)
    if spec is None or spec.origin is None:
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
        with path.open("rb") as file:
            content = file.read(MAX_MODEL_BYTES + 1)
    except OSError as error:
        raise ModelError(
            "model_missing", entry.name, str(path), "a readable file", str(error), f"reinstall {entry.package}"
        ) from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != entry.sha256:
        raise ModelError(
            "model_tampered",
            entry.name,
            str(path),
            f"sha256 {entry.sha256}",
            digest,
            f"reinstall {entry.package} in the version of the lock file",
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
