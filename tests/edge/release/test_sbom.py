"""The bill of materials names what is shipped, and nothing shipped is under a licence that we may not ship."""

import importlib.metadata
import json
import re

import pytest

from edge.release.sbom import ROOT, sbom
from edge.verbs.sbom import main
from models.registry import load_registry

# LGPL is for what wheels bring as libraries of their own (FFmpeg in OpenCV's, GEOS in shapely's): that may be shipped.
FORBIDDEN = re.compile(r"(?<![L-])\b(A?GPL|SSPL|BUSL)|(?<!Lesser )General Public License|Affero", re.IGNORECASE)
ALLOWED = {
    *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "EPL-2.0", "ISC", "MIT", "MIT-0", "MIT-CMU"),
    *("MPL-2.0", "PSF-2.0", "Zlib"),
}


def licences() -> dict[str, str]:
    found: dict[str, str] = json.loads((ROOT / "requirements" / "licences.json").read_text(encoding="utf-8"))
    return found


def said_by(name: str) -> str:
    """What an installed package says of its licence; empty where it is not installed here."""
    try:
        metadata = importlib.metadata.metadata(name)
    except importlib.metadata.PackageNotFoundError:
        return ""
    classifiers = [one for one in metadata.get_all("Classifier") or [] if one.startswith("License")]
    return "\n".join([metadata.get("License-Expression") or "", (metadata.get("License") or "")[:200], *classifiers])


@pytest.mark.hazard("S22")
def test_it_holds_each_pin_and_each_hash_of_the_lock_and_each_model():
    lock = (ROOT / "requirements" / "runtime.txt").read_text(encoding="utf-8")
    components = sbom()["components"]
    pins = set(re.findall(r"^([a-z0-9][\w.-]*)==([^ ]+)", lock, re.MULTILINE))
    assert {(one["name"], one["version"]) for one in components if one["type"] == "library"} == pins
    hashes = [row["value"] for one in components for row in one.get("properties", ()) if row["name"] == "kakou:sha256"]
    assert hashes == re.findall("sha256:([0-9a-f]{64})", lock)
    models = {one["name"]: one["hashes"][0]["content"] for one in components if "machine" in one["type"]}
    assert models == {name: entry.sha256 for name, entry in load_registry().items()}
    references = [one["bom-ref"] for one in components]
    assert len(references) == len(set(references))


@pytest.mark.hazard("S22")
@pytest.mark.parametrize("name", sorted(licences()))
def test_nothing_is_shipped_under_a_licence_that_forbids_it(name: str):
    expression = licences()[name]
    assert set(re.split(r" (?:OR|AND) ", expression)) <= ALLOWED, f"{name}: {expression}"
    # The list could be wrong or old: what the package says of itself counts as well.
    assert not FORBIDDEN.search(said_by(name)), said_by(name)


@pytest.mark.parametrize(
    ("text", "bad"),
    [
        ("GPL-3.0-only", True),
        ("AGPL-3.0", True),
        ("License :: OSI Approved :: GNU General Public License v2 (GPLv2)", True),
        ("GNU Affero", True),
        ("LGPL-2.1", False),
        ("GNU Lesser General Public License", False),
        ("MIT", False),
    ],
)
def test_the_search_for_forbidden_licences_finds(text: str, bad: bool):
    assert bool(FORBIDDEN.search(text)) == bad


def test_the_verb_prints_or_writes_the_same_bytes_each_time(tmp_path, capsys):
    assert main([]) == 0
    printed = capsys.readouterr().out
    assert main(["--out", str(tmp_path / "sbom.json")]) == 0
    assert (tmp_path / "sbom.json").read_text(encoding="utf-8") == printed
    assert json.loads(printed)["bomFormat"] == "CycloneDX"


def test_a_package_without_a_licence_entry_is_an_error(tmp_path):
    folder = tmp_path / "requirements"
    folder.mkdir()
    (folder / "licences.json").write_text("{}")
    (folder / "runtime.txt").write_text("new==1.0 \\\n    --hash=sha256:" + "0" * 64 + "\n")
    with pytest.raises(KeyError):
        sbom(tmp_path)
