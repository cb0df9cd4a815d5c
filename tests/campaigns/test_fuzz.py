"""The oracle of the fuzzing campaign without atheris: `python -m tests.campaigns.fuzz` is all of it."""

import importlib
import json
import random
import re
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.campaigns import fuzz
from tests.campaigns.fuzzed.child import Desk, Found, Watch, functions
from tests.campaigns.fuzzed.mutation import HOSTILE, mutated
from tests.campaigns.fuzzed.target import pieces, target
from tests.campaigns.fuzzed.targets import NO_TARGET, TARGETS
from tests.support.sources import ROOT

# Modules that take bytes or JSON apart; what stands in a driver's wire or frames is a parser whatever it calls.
_ROOMS = ("drivers", "edge", "models", "config", "ops", "simulators/scenario")
_READS = re.compile(
    r"json\.loads\(|json_names\.parse\(|\bparse_object\(|(?<!int\.)\bfrom_bytes\(|ParserCreate\(|unpack(_from)?\("
    r"|b64decode\(|YAML\(|open_signed\(|HTTPResponse\(|parsedate_to_datetime\(|ZipFile\(|load_pem_\w+\(|imdecode\("
)
_WIRE = re.compile(r"drivers/\w+/(\w*wire|\w*frames)\.py|drivers/kit/(\w+/)?(wire|frames|lines|http|multipart)\.py")


def parsers() -> Iterator[str]:
    """Yield the names of the modules that read what others send or store."""
    for room in _ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            where = path.relative_to(ROOT).as_posix()
            if not where.startswith("models/training/") and (
                _WIRE.fullmatch(where) or _READS.search(path.read_text(encoding="utf-8"))
            ):
                yield where.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


@pytest.mark.hazard("S7", "S8", "S10")
@pytest.mark.parametrize("name", TARGETS)
def test_each_parser_takes_good_bytes_and_bent_ones_by_its_contract(name: str, tmp_path: Path) -> None:
    one = TARGETS[name]
    fed = one.prepare(tmp_path)
    for data in (*fed.seeds, *HOSTILE, *mutated(random.Random(name), fed.seeds, one.trials, one.most_bytes)):
        try:
            fed.take(data)
        except Exception as error:
            error.add_note(f"to see it again: {fuzz.repeated(name, data)}")
            raise


@st.composite
def flipped(draw: st.DrawFn, seeds: Sequence[bytes]) -> bytes:
    """Good bytes with one bit that is not, perhaps cut short."""
    data = bytearray(draw(st.sampled_from([one for one in seeds if one])))
    place = draw(st.integers(0, len(data) * 8 - 1))
    data[place // 8] ^= 1 << place % 8
    return bytes(data[: draw(st.integers(0, len(data)))]) if draw(st.booleans()) else bytes(data)


@pytest.mark.parametrize("name", TARGETS)
def test_each_parser_bears_any_flipped_bit_and_any_bytes(name: str, tmp_path: Path) -> None:
    fed = TARGETS[name].prepare(tmp_path)

    @settings(max_examples=30, deadline=None)
    @given(flipped(fed.seeds) | st.binary(max_size=200))
    def check(data: bytes) -> None:
        fed.take(data)

    check()


def test_every_parser_is_fuzzed() -> None:
    fuzzed = {module for one in TARGETS.values() for module in one.modules}
    missing = sorted(set(parsers()) - fuzzed - NO_TARGET.keys())
    assert not missing, (
        f"{missing} read what others send and no target feeds them. A stream with a rig in "
        "tests/drivers/conformance/rigs.py has one by itself. Any other parser gets a `target(name, modules, seeds, "
        "take)` in tests/campaigns/fuzzed/ (devices, cameras, clearance, bridge, files or elsewhere): `modules` names "
        "the module, `seeds` are good bytes, `take` feeds any bytes and asserts what the contract promises. What reads "
        "nothing of others is listed in NO_TARGET of fuzzed/targets.py, with the reason."
    )
    assert sorted(NO_TARGET.keys() & fuzzed) == []
    assert sorted(NO_TARGET.keys() - set(parsers())) == []


def test_modules_of_targets_are_there_and_have_functions() -> None:
    assert [
        one for one in TARGETS.values() for name in one.modules if not list(functions(importlib.import_module(name)))
    ] == []


def test_bytes_are_cut_by_themselves() -> None:
    for size in (0, 1, 7, 500):
        data = random.Random(size).randbytes(size)
        assert b"".join(pieces(data)) == data
        assert list(pieces(data)) == list(pieces(data))


def _broken(data: bytes) -> None:
    if data == b"bad":
        raise LookupError("broken")


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TARGETS, "broken", target("broken", "tests.campaigns.fuzz", [b"good"], _broken))


def test_what_was_found_is_fed_again(broken: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert fuzz.main(["--only", "broken", "--input", b"bad".hex()]) == 1
    assert "LookupError: broken" in capsys.readouterr().err
    assert fuzz.main(["--only", "broken", "--input", b"good".hex()]) == 0
    assert "4 bytes taken" in capsys.readouterr().out


def watched(take: object, cpu_s: float = 0.0) -> tuple[Watch, list[Found]]:
    found: list[Found] = []
    return Watch(take, cpu_s, found.append), found  # type: ignore[arg-type]


def test_a_crash_is_told_with_its_place_and_bytes() -> None:
    watch, found = watched(_broken, 60.0)
    watch.feed(b"good")
    assert found == []
    watch.feed(b"bad")
    assert (found[0].given, found[0].executions) == (b"bad", 2)
    assert re.fullmatch(r"LookupError: broken \(test_fuzz\.py:\d+ _broken < child\.py:\d+ feed\)", found[0].what)


def test_what_takes_long_and_what_holds_memory_are_violations(monkeypatch: pytest.MonkeyPatch) -> None:
    watch, found = watched(lambda _: None, 60.0)
    times = iter((100.0, 104.0, 104.0))
    monkeypatch.setattr("time.process_time", lambda: next(times))
    watch.feed(b"x")
    assert (found[0].what, found[0].given) == ("slow: 4.0 s", b"x")
    monkeypatch.undo()
    held = iter((0, 300 * 1024, 300 * 1024))
    monkeypatch.setattr("tests.campaigns.fuzzed.child._peak_kib", lambda: next(held))
    watch, found = watched(lambda _: None)
    watch.feed(b"x")
    assert found[0].what == f"memory grew by {300 * 1024} KiB"


def test_a_campaign_goes_on_where_it_was_cut_and_anew_after_a_mend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = {"voice_serial/1": ["crash"]}
    ran: list[str] = []

    def one_run(run: str, seed: int, corpus: Path) -> dict[str, object]:
        ran.append(run)
        violations = found.pop(run, [])
        return {"run": run, "cpu_s": 30.0, "executions": 5, "violations": violations, "wall_s": 31.0}

    monkeypatch.setattr(fuzz, "one_run", one_run)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: object())
    arguments = ["--only", "voice_serial", "--only", "led_serial", "--minutes", "1.5", "--json"]
    arguments += ["--ledger", str(tmp_path / "fuzz.ledger")]
    assert fuzz.main([*arguments, "--limit", "2"]) == 75
    assert ran == ["voice_serial/0", "led_serial/0"]
    assert fuzz.main(arguments) == 1
    # It was stopped at what it found, the other one went on.
    assert ran[2:] == ["voice_serial/1", "led_serial/1", "led_serial/2"]
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["by_parser"]["led_serial"] == {"cpu_minutes": 1.5, "executions": 15, "violations": 0}
    assert told["violations"] == {"voice_serial/1": ["crash"]}
    monkeypatch.setattr("tests.campaigns.ledger.commit", lambda: "mended")
    assert fuzz.main(arguments) == 0
    assert ran[5:] == ["voice_serial/1", "voice_serial/2"]


def test_without_atheris_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert fuzz.main(["--ledger", str(tmp_path / "fuzz.ledger")]) == 2
    assert "pip install" in capsys.readouterr().err


def test_a_process_that_ends_in_the_middle_leaves_its_bytes(tmp_path: Path) -> None:
    assert fuzz._found(tmp_path, 1, "no module").what == "ended with 1: no module"
    desk = Desk(tmp_path / "desk", 64)
    for data in (b"longer than the next", b"", b"slow"):
        desk.lay(data)
        assert Desk.left(tmp_path / "desk") == data
    found = fuzz._found(tmp_path, -signal.SIGXCPU, "")
    assert (found.what[:5], found.given) == ("hung:", b"slow")
    assert fuzz._found(tmp_path, -signal.SIGSEGV, "").what == "ended with -11: "


@pytest.mark.atheris
def test_atheris_finds_what_is_broken(tmp_path: Path) -> None:
    done = fuzz.one_run("voice_serial/0", 1, tmp_path, cpu_s=0.5)
    assert done["violations"] == []
    assert done["executions"] > 1_000
    assert len(list((tmp_path / "voice_serial").iterdir())) > 2
