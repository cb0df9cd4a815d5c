"""`kakou sampling`: what it signs is what the lane takes, and what central draws again."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge.clearance.feeds import SAMPLING_PLANS
from edge.clearance.issued import IssuedContext, IssuedRefusal
from edge.clearance.keys import load_shared_secret
from edge.clearance.sampling_plan import check_plan
from edge.clearance.trust import Trust
from edge.core.sampling_plan import SampledClass, SamplingPlan
from edge.verbs import keys, sampling
from ops.draws import plans_in
from tests.support.bare_lane import bare_lane

CLASSES = ["--class", "general=20:bay", "--class", "trusted=5:nii"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A site with a lane that takes plans of customs, and its keys."""
    path, _ = bare_lane(tmp_path)
    path.write_text(path.read_text().rstrip() + "\n    sampling: {authority: customs}\n")
    assert keys.main([str(path)]) == 0
    return path


def judged(file: Path, raw: bytes, *, later: timedelta = timedelta(0)) -> SamplingPlan | IssuedRefusal:
    """What the lane makes of it."""
    folder, now = file.with_name("keys"), datetime.now(UTC) + later
    secret = load_shared_secret(SAMPLING_PLANS.secret_file(folder, "lane-1"))
    keyset = Trust(folder, file.parent, environment="simulated", utc=lambda: datetime.now(UTC)).current()
    return check_plan(raw, IssuedContext("customs", "yard", "lane-1", secret, keyset, 0, now, 0))


def test_the_lane_takes_what_was_signed_and_central_draws_it_again(file: Path, capsys: pytest.CaptureFixture[str]):
    secret = SAMPLING_PLANS.secret_file(file.with_name("keys"), "lane-1")
    out = file.with_name("plans") / "plan.jws"
    out.parent.mkdir()
    (out.parent / secret.name).write_bytes(secret.read_bytes())
    assert sampling.main([str(file), "lane-1", *CLASSES, "--days", "2", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "gate/v1/yard/lane-1/clearance/customs/sampling" in printed
    assert str(file.parent / "state" / "sampling-plan-lane-1.jws") in printed
    plan = judged(file, out.read_bytes())
    assert isinstance(plan, SamplingPlan)
    assert plan.classes == (SampledClass("general", 20, "bay"), SampledClass("trusted", 5, "nii"))
    assert plan.version == pytest.approx(datetime.now(UTC).timestamp(), abs=60)
    assert judged(file, out.read_bytes(), later=timedelta(days=2, seconds=1)) == IssuedRefusal("expired")
    (drawn,) = plans_in(out.parent).values()
    assert (drawn.version, drawn.rates) == (plan.version, {"general": 20, "trusted": 5})


def test_the_centre_signs_with_a_folder_of_its_own(file: Path, tmp_path: Path):
    out = tmp_path / "plan.jws"
    (tmp_path / "keys").rename(tmp_path / "centre")
    assert sampling.main([str(file), "lane-1", *CLASSES, "--out", str(out)]) == 66
    assert sampling.main([str(file), "lane-1", *CLASSES, "--out", str(out), "--keys", str(tmp_path / "centre")]) == 0
    (tmp_path / "centre" / "lane-lane-1.sampling.key").unlink()
    assert sampling.main([str(file), "lane-1", *CLASSES, "--out", str(out), "--keys", str(tmp_path / "centre")]) == 66


def test_what_it_cannot_sign_is_told(file: Path, capsys: pytest.CaptureFixture[str]):
    out = ["--out", str(file.with_name("plan.jws"))]
    assert sampling.main([str(file), "lane-2", *CLASSES, *out]) == 1
    assert "lane-1" in capsys.readouterr().err
    assert sampling.main([str(file.with_name("none.yaml")), "lane-1", *CLASSES, *out]) == 78


@pytest.mark.parametrize(
    "wrong",
    [
        ["--class", "general=20"], ["--class", "general=1001:bay"], ["--class", "general=-1:bay"],
        ["--class", "a b=1:bay"], ["--class", "general=٣:bay"], ["--class", "general=1:street"],
        [*CLASSES, "--class", "trusted=6:nii"], [*CLASSES, "--days", "0"], [*CLASSES, "--days", "31"],
        [*CLASSES, "--days", "x"], [word for number in range(33) for word in ("--class", f"c{number}=1:bay")],
    ],
)  # fmt: skip
def test_classes_and_days_that_are_none(file: Path, wrong: list[str]):
    with pytest.raises(SystemExit) as ended:
        sampling.main([str(file), "lane-1", *wrong, "--out", str(file.with_name("plan.jws"))])
    assert ended.value.code == 64
    assert not file.with_name("plan.jws").exists()
