"""Reads one picture: find text, read it, interpret it as plates and container codes, look again where it pays."""

import time
from pathlib import Path

from edge.core.readings import ContainerSighting, PictureReading, PlateSighting, Unread
from models.container_looks import find_containers
from models.containers import likely_code_lines
from models.detector import TextDetector, TextLine
from models.lines import ReadLine, is_upright
from models.looks import Looks, TwoLooks
from models.picture import open_picture, quality_defect
from models.pixels import Image
from models.plate_looks import find_plates, read_whole_crop
from models.reader import LineReader
from models.registry import REGISTRY_PATH, ModelEntry, load_registry
from models.sessions import ModelOutputError, Session

# Longest side of what the detector sees: plates are found at 640 as at 960, codes want 736 (33 ms a 100 px more).
PLATE_SIDE_PX = 640
CONTAINER_SIDE_PX = 736
SECOND_SIDE_PX = 1024
FIRST_LINES = 11
MAX_LINES = 36
MAX_SIZE_TYPE_LINES = 5
NEAR_CODE_HEIGHTS = 5.0
# Pictures this low are the crop of a plate camera: one plate and nothing else.
CROP_HEIGHT_PX = 80
CROP_MIN_ASPECT = 1.8
PLATE = "plate"
CONTAINER = "container"
LOOK_FOR_ALL = frozenset({PLATE, CONTAINER})


class PictureReader:
    """The whole of recognition for one picture, on one thread. Built once a process."""

    def __init__(self, detector: TextDetector, text_reader: LineReader, plate_reader: LineReader) -> None:
        self._detector = detector
        self._text_reader = text_reader
        self._plate_reader = plate_reader

    def read_encoded(self, encoded: bytes, look_for: frozenset[str]) -> PictureReading:
        """Read a JPEG or PNG. What cannot be read is `unread`; raises nothing for what is in the picture."""
        start = time.perf_counter()
        opened = open_picture(encoded)
        defect = opened.defect
        reading = PictureReading()
        if opened.image is not None:
            defect = quality_defect(opened.image)
            if defect is None:
                try:
                    reading = self.read(opened.image, look_for)
                except ModelOutputError:
                    defect = "model_output"
        if defect is not None:
            reading = PictureReading(unread=(Unread("picture", defect),))
        elapsed_ms = round((time.perf_counter() - start) * 1000, 1)
        return PictureReading(reading.plates, reading.containers, (), reading.unread, elapsed_ms)

    def read(self, image: Image, look_for: frozenset[str]) -> PictureReading:
        """Read decoded pixels. Raises ModelOutputError."""
        looks = TwoLooks(Looks(image, self._plate_reader), Looks(image, self._text_reader))
        height, width = image.shape[:2]
        if PLATE in look_for and height <= CROP_HEIGHT_PX and width >= CROP_MIN_ASPECT * height:
            whole = read_whole_crop(looks)
            if whole or look_for == {PLATE}:
                return PictureReading(tuple(whole), (), (), _unread(look_for, whole, []))
        plates, containers = self._look(looks, look_for)
        return PictureReading(tuple(plates), tuple(containers), (), _unread(look_for, plates, containers))

    def _look(self, looks: TwoLooks, look_for: frozenset[str]) -> tuple[list[PlateSighting], list[ContainerSighting]]:
        side = CONTAINER_SIDE_PX if CONTAINER in look_for else PLATE_SIDE_PX
        plates, containers = self._look_at(looks, look_for, side)
        # A picture that holds anything looked for is not looked at twice: the second look costs twice the first.
        if plates or _verified(containers):
            return plates, containers
        plates, again = self._look_at(looks, look_for, SECOND_SIDE_PX)
        return plates, again if _verified(again) else containers or again

    def _look_at(
        self, looks: TwoLooks, look_for: frozenset[str], side: int
    ) -> tuple[list[PlateSighting], list[ContainerSighting]]:
        lines = self._detector.find(looks.plates.image, side)
        # Plates and codes are the tallest text of a picture; the rest is read where nothing was found.
        level = sorted((line for line in lines if not is_upright(line)), key=lambda line: -line.height)
        rows: list[ReadLine] = []
        plate_rows: list[ReadLine] = []
        plates: list[PlateSighting] = []
        containers: list[ContainerSighting] = []
        for start, end in ((0, FIRST_LINES), (FIRST_LINES, MAX_LINES)):
            more = level[start:end]
            if start and (plates or _verified(containers)):
                more = [line for line in more if _lacks_size_type(containers, line)][:MAX_SIZE_TYPE_LINES]
            if start and not more:
                break
            seen = looks.plates.read_rows(more)
            plate_rows += seen
            if PLATE in look_for and not plates:
                plates = find_plates(looks, plate_rows)
            if CONTAINER in look_for:
                last = end >= min(len(level), MAX_LINES)
                containers = _codes(looks.texts, seen, rows, lines if last else [])
        return plates, containers


def _codes(texts: Looks, seen: list[ReadLine], rows: list[ReadLine], lines: list[TextLine]) -> list[ContainerSighting]:
    """Return the codes in `rows`, which grow by lines of `seen`: first by those that look like one.

    The reader of plates has `seen` them all, the general one, which reads codes better, takes six times as long.
    `lines` are looked at for columns where no row holds a code.
    """
    promising = likely_code_lines(seen)
    rows += texts.read_rows(promising)
    containers = find_containers(texts, [], rows)
    rest = [row.line for row in seen if not any(row.line is one for one in promising)]
    if _verified(containers):
        # The size and type are painted smaller than the code, next to it.
        rest = [line for line in rest if _lacks_size_type(containers, line)][:MAX_SIZE_TYPE_LINES]
        lines = []
    rows += texts.read_rows(rest)
    return find_containers(texts, lines, rows)


def _verified(containers: list[ContainerSighting]) -> bool:
    return any(sighting.container.check == "verified" for sighting in containers)


def _lacks_size_type(containers: list[ContainerSighting], line: TextLine) -> bool:
    """Say whether `line` may be the size and type of a code that has none yet."""
    x, y = line.centre
    for sighting in containers:
        left, top, width, height = sighting.box
        reach = NEAR_CODE_HEIGHTS * line.height
        near = left - reach < x < left + width + reach and top - reach < y < top + height + reach
        if sighting.container.check == "verified" and sighting.container.size_type is None and near:
            return 1.2 < line.width / max(line.height, 1.0) < 4.5
    return False


def _unread(
    look_for: frozenset[str], plates: list[PlateSighting], containers: list[ContainerSighting]
) -> tuple[Unread, ...]:
    unread: list[Unread] = []
    if PLATE in look_for and not plates:
        unread.append(Unread(PLATE, "not_found"))
    if CONTAINER in look_for and not _verified(containers):
        reason = "check_digit" if containers else "not_found"
        unread.append(Unread(CONTAINER, reason, containers[0].box if containers else None))
    return tuple(unread)


def load_picture_reader(registry_path: Path = REGISTRY_PATH) -> PictureReader:
    """Return a reader with the models of the registry. Raises ModelError."""
    registry = load_registry(registry_path, required=("text_detector", "text_reader", "plate_reader"))
    detector = TextDetector(Session(registry["text_detector"]).run)
    return PictureReader(detector, line_reader(registry["text_reader"]), line_reader(registry["plate_reader"]))


def line_reader(entry: ModelEntry) -> LineReader:
    """Return a reader with the model of `entry`, whose file names its characters. Raises ModelError."""
    session = Session(entry)
    return LineReader(session.run, session.metadata.get("character", "").removesuffix("\n").split("\n"))
