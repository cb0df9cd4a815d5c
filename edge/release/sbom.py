"""The bill of materials: every package of the lock and every model, as CycloneDX 1.5 JSON.

Made from the lock, the licences beside it and the model registry alone, so the same commit gives the same bytes.
"""

import json
import re
from pathlib import Path
from typing import Any

from edge import __version__
from models.registry import load_registry

ROOT = Path(__file__).resolve().parents[2]
_PIN = re.compile(r"^([a-z0-9][\w.-]*)==(\S+)(?: ; ([^\\\n]+?))? \\$")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def sbom(root: Path = ROOT) -> dict[str, Any]:
    """Return the bill of materials. Raises OSError, ValueError or KeyError for a package without a licence entry."""
    licences = json.loads((root / "requirements" / "licences.json").read_text(encoding="utf-8"))
    lock = (root / "requirements" / "runtime.txt").read_text(encoding="utf-8")
    packages: list[dict[str, Any]] = []
    for line in lock.splitlines():
        if pin := _PIN.match(line):
            packages.append(_package(pin[1], pin[2], pin[3], licences[pin[1]]))
        elif digest := _HASH.search(line):
            packages[-1]["properties"].append({"name": "kakou:sha256", "value": digest[1]})
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {"type": "application", "bom-ref": "kakou", "name": "kakou", "version": __version__}},
        "components": [*packages, *_models()],
    }


def _package(name: str, version: str, marker: str | None, licence: str) -> dict[str, Any]:
    purl = f"pkg:pypi/{name}@{version}"
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "purl": purl,
        "licenses": [{"expression": licence}],
        # One for each archive that the lock accepts.
        "properties": [{"name": "kakou:marker", "value": marker}] if marker else [],
    }


def _models() -> list[dict[str, Any]]:
    return [
        {
            "type": "machine-learning-model",
            "bom-ref": f"model:{one.name}",
            "name": one.name,
            "version": one.version,
            "licenses": [{"expression": one.licence}],
            "hashes": [{"alg": "SHA-256", "content": one.sha256}],
            "properties": [{"name": "kakou:source", "value": one.source}],
        }
        for one in load_registry().values()
    ]
