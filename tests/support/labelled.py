"""A folder laid out as ../shared/real-images, with one picture that is one and one that is none."""

import csv
from pathlib import Path
from typing import Any

import cv2

from tests.support.drawn import ground


def folder_of(tmp_path: Path, codes: Any = (), plates: Any = ()) -> Path:
    """Lay labels (image, code, legible) of containers and of plates beside 1.png and broken.png."""
    for name, rows in (("containers", codes), ("plates", plates)):
        images = tmp_path / name / "images"
        images.mkdir(parents=True)
        cv2.imwrite(str(images / "1.png"), ground())
        (images / "broken.png").write_bytes(b"none")
        with (tmp_path / name / "labels.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, ["image", "code", "legible"])
            writer.writeheader()
            writer.writerows(dict(zip(("image", "code", "legible"), row, strict=False)) for row in rows)
    return tmp_path
