"""O7: a cloned disk, and a journal or key folder that was copied, do not act as the lane on another box."""

import json
from pathlib import Path

import pytest

from config.loader import load
from config.schema import Configuration
from edge import hardware as boxes
from edge.guarding import check_box, note_box
from edge.hardware import BOUND_FILE, HardwareError, bind, bound_to, check_hardware, fingerprints, of_root_alone
from edge.runtime.journal import Journal
from edge.verbs import hardware, keys, run
from tests.support.bare_lane import bare_lane
from tests.support.controller import kakou
from tests.support.journals import journal, path

__all__ = ["journal", "path"]
pytestmark = pytest.mark.hazard("O7")
HERE, THERE, NOWHERE = "a" * 16, "b" * 16, "0" * 16


def card(system: Path, name: str, address: str, *, permanent: str = "0", real: bool = True) -> None:
    folder = system / "class" / "net" / name
    folder.mkdir(parents=True)
    (folder / "address").write_text(address + "\n")
    (folder / "addr_assign_type").write_text(permanent + "\n")
    if real:
        (folder / "device").mkdir()


def test_a_box_is_known_by_its_cards_and_its_board(tmp_path: Path):
    card(tmp_path, "eth0", "02:fc:00:00:00:01")
    one = fingerprints(tmp_path)
    assert len(one) == 1
    card(tmp_path, "lo", "00:00:00:00:00:00", real=False)
    card(tmp_path, "docker0", "02:42:00:00:00:01", real=False)
    card(tmp_path, "eth1", "02:fc:00:00:00:02", permanent="1")
    card(tmp_path, "can0", "00:00:00:00:00:00")
    assert fingerprints(tmp_path) == one, "what has no number of its own is nobody"
    board = tmp_path / "firmware" / "devicetree" / "base" / "serial-number"
    board.parent.mkdir(parents=True)
    board.write_bytes(b"1000000012345678\0")
    assert set(one) < set(fingerprints(tmp_path))
    board.write_bytes(b"\xff\xfe")
    assert fingerprints(tmp_path) == one
    assert fingerprints(tmp_path / "nothing") == ()


@pytest.mark.parametrize(
    "written",
    [
        "Default string", "To be filled by O.E.M.", "System Serial Number", "None", "0123456789", "00000000",
        "03000200-0400-0500-0006-000700080009", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF", "0000000000000000",
    ],
)  # fmt: skip
def test_what_every_board_of_a_model_says_is_no_number_of_one(tmp_path: Path, written: str):
    board = tmp_path / "class" / "dmi" / "id" / "board_serial"
    board.parent.mkdir(parents=True)
    board.write_text(written + "\n")
    assert fingerprints(tmp_path) == (), "a clone on the next box of this model would be taken for this one"
    board.write_text("BSN12345678901234567\n")
    assert len(fingerprints(tmp_path)) == 1


def test_a_number_that_is_roots_alone_is_told_apart_and_may_come_as_a_credential(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    card(tmp_path, "eth0", "02:fc:00:00:00:01")
    seen = fingerprints(tmp_path)
    board = tmp_path / "class" / "dmi" / "id" / "board_serial"
    board.parent.mkdir(parents=True)
    board.write_text("BSN12345678901234567\n")
    board.chmod(0o400)
    both = fingerprints(tmp_path)
    assert of_root_alone(tmp_path) == tuple(set(both) - set(seen))
    board.chmod(0o444)
    assert of_root_alone(tmp_path) == ()
    board.rename(tmp_path / "board_serial")
    assert fingerprints(tmp_path) == seen
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert fingerprints(tmp_path) == both, "what the unit loads is the same number"


def test_one_part_that_stayed_is_the_same_box(tmp_path: Path):
    check_hardware([HERE, THERE], [tmp_path], [HERE])
    bind(tmp_path, [HERE, THERE])
    check_hardware([], [tmp_path], [THERE])
    with pytest.raises(HardwareError, match=f"hardware_foreign: .*expected one of {HERE}, {THERE}, got none"):
        check_hardware([], [tmp_path], [])


@pytest.mark.parametrize("text", ["{", "{}", "[1]", "[" * 9_000])
def test_a_binding_that_cannot_be_read_binds_to_no_box(tmp_path: Path, text: str):
    (tmp_path / BOUND_FILE).write_text(text)
    with pytest.raises(HardwareError, match="hardware_file_damaged"):
        check_hardware([], [tmp_path], [HERE])


class Site:
    """A site whose configuration names the box `HERE`, with its keys; `at` is which box it runs on."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.file, _ = bare_lane(folder)
        self.monkeypatch = monkeypatch
        self.at(HERE)
        self.name(HERE)
        assert keys.main([str(self.file)]) == 0

    def name(self, box: str) -> None:
        text = "\n".join(one for one in self.file.read_text().splitlines() if not one.startswith("hardware:"))
        self.file.write_text(f"{text}\nhardware: ['{box}']\n" if box else text + "\n")

    def at(self, *present: str) -> None:
        self.present = present
        self.monkeypatch.setattr(hardware, "fingerprints", lambda: present)

    @property
    def configuration(self) -> Configuration:
        loaded = load(self.file)
        assert isinstance(loaded, Configuration), loaded
        loaded.state_dir.mkdir(exist_ok=True)
        return loaded

    def start(self) -> None:
        check_box(self.configuration, self.present)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    return Site(tmp_path, monkeypatch)


def test_the_keys_and_the_first_start_bind_their_folders(site: Site):
    assert bound_to(site.configuration.keys_dir) == (HERE,)
    assert bound_to(site.configuration.state_dir) is None
    site.start()
    assert bound_to(site.configuration.state_dir) == (HERE,)
    site.start()
    # A cloned disk: the same configuration and folders on another box.
    site.at(THERE)
    with pytest.raises(HardwareError, match="the configuration"):
        site.start()


@pytest.mark.parametrize("copied", ["keys_dir", "state_dir"])
def test_a_copied_folder_does_not_act_where_the_configuration_is_another_one(site: Site, copied: str):
    site.start()
    kept: Path = getattr(site.configuration, copied)
    for folder in {site.configuration.keys_dir, site.configuration.state_dir} - {kept}:
        (folder / BOUND_FILE).unlink()
    site.name("")
    site.at(THERE)
    with pytest.raises(HardwareError, match=kept.name):
        site.start()


def test_a_spare_box_takes_over_by_a_persons_word(site: Site, capsys: pytest.CaptureFixture[str]):
    site.start()
    site.at(THERE)
    assert hardware.main([str(site.file), "--bind"]) == hardware.EXIT_REFUSED
    assert THERE in capsys.readouterr().err, "the configuration, which may be signed, has the first word"
    site.name(THERE)
    with pytest.raises(HardwareError, match="keys"):
        site.start()
    assert hardware.main([str(site.file), "--bind"]) == 0
    site.start()
    site.name(HERE)
    site.at(HERE)
    with pytest.raises(HardwareError, match="keys"):
        site.start()


def test_the_verb_says_what_it_cannot_do(site: Site, capsys: pytest.CaptureFixture[str]):
    assert hardware.main(["--bind"]) == 64
    assert hardware.main([str(site.file.with_name("none.yaml")), "--bind"]) == 78
    assert hardware.main([]) == 0
    assert hardware.main(["--json"]) == 0
    printed = capsys.readouterr().out
    assert printed == f'{HERE}\n{{"hardware": ["{HERE}"], "root_alone": []}}\n'
    site.at()
    assert hardware.main([str(site.file), "--bind"]) == hardware.EXIT_REFUSED
    site.at(HERE)
    keys_dir = site.configuration.keys_dir
    (keys_dir / BOUND_FILE).unlink()
    (keys_dir / BOUND_FILE).mkdir()
    assert hardware.main([str(site.file), "--bind"]) == hardware.EXIT_CANNOT_CREATE


def test_the_verb_says_which_numbers_only_root_reads(site: Site, capsys: pytest.CaptureFixture[str]):
    site.monkeypatch.setattr(hardware, "of_root_alone", lambda: (HERE,))
    assert hardware.main([]) == 0
    assert capsys.readouterr().out.startswith(f"{HERE}  (root reads it alone")
    assert hardware.main([str(site.file), "--bind"]) == 0
    assert "the service refuses to start" in capsys.readouterr().err
    site.at(HERE, THERE)
    assert hardware.main([str(site.file), "--bind"]) == 0
    assert capsys.readouterr().err == ""
    site.at()
    assert hardware.main([]) == 0
    assert "nothing in this box" in capsys.readouterr().out


def test_a_fingerprint_that_is_none_is_told(site: Site):
    site.name("eth0")
    problems = load(site.file)
    assert isinstance(problems, list)
    assert "kakou hardware" in problems[0].render("en")


async def test_the_chain_of_each_lane_says_on_which_box_it_acts(tmp_path: Path, journal: Journal):
    note_box(journal, ["in-1"], tmp_path, [HERE])
    bind(tmp_path, [HERE])
    note_box(journal, ["in-1", "in-2"], tmp_path, [HERE])
    await journal.append("in-2", "step", "{}").durable
    for lane in ("in-1", "in-2"):
        (row,) = journal.outbox.pending(lane, 0, 10)
        assert (row.type, row.data) == ("hardware", {"fingerprints": HERE})


async def test_the_real_controller_refuses_another_box_before_it_touches_anything(site: Site):
    site.name(NOWHERE)
    status, printed = await kakou("run", str(site.file))
    assert (status, "hardware_foreign" in printed) == (run.EXIT_CONFIG, True)
    assert not (site.configuration.state_dir / "journal.sqlite").exists()
    status, printed = await kakou("hardware", "--json")
    hidden = sorted(set(boxes.of_root_alone()) & set(boxes.fingerprints()))
    assert json.loads(printed) == {"hardware": list(boxes.fingerprints()), "root_alone": hidden}
