"""One reader by itself on photographed crops."""

import json

from models.registry import load_registry, locate
from models.training import judge_crops
from tests.support.drawn import BLUE, ground, plate, png


def test_a_reader_is_judged_alone(tmp_path, capsys):
    image = ground(188, 60)
    plate(image, "粤B6R678", (0, 0), 60, BLUE)
    for name, rows in (("plate_crops_gate", 1), ("plate_crops_ccpd", 9)):
        (tmp_path / name / "images").mkdir(parents=True)
        (tmp_path / name / "images" / "a.png").write_bytes(png(image))
        (tmp_path / name / "labels.csv").write_text("image,plate\n" + rows * "a.png,粤B6R678\n", encoding="utf-8")
    # The reader of any text names its characters with a line more than ours do.
    for model in ("plate_reader", "text_reader"):
        network = locate(load_registry()[model])
        assert judge_crops.main(["--network", str(network), "--data", str(tmp_path)]) == 0
        found = json.loads(capsys.readouterr().out)
        assert model != "plate_reader" or found["plate_crops_gate"]["exact"] == 1
        # Of nine rows eight are of the quarter that was left out.
        assert {name: counts["n"] for name, counts in found.items()} == {
            "plate_crops_gate": 1,
            "plate_crops_ccpd, fold 0": 8,
        }
