"""Reads one picture: find text, read it, interpret it as plates and container codes, look again where it pays."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from edge.core.masks import Mask
from edge.core.readings import NOT_FOUND, ContainerSighting, PictureReading, PlateSighting, Unread, VehicleSighting
from models.container_looks import find_containers, heed_rows, lacks_size_type, size_type_beside
from models.containers import as_probability, likely_code_lines
from models.cover_finder import CoverFinder
from models.detector import FAINT, TextDetector, TextLine
from models.light import cause_of, defect_of, light_of
from models.lines import ReadLine, is_upright
from models.looks import ILLEGIBLE, TOO_FEW_PIXELS, Looks, SeenCovers, TwoLooks
from models.looks import PLATE as PLATE
from models.masks import CODE_REACH, MASKED, PLATE_REACH, Masked
from models.messages import Fault
from models.picture import open_picture
from models.pixels import Image
from models.plate_finder import PlateFinder
from models.plate_looks import find_plates, found_rows, leaves_larger, read_fitted_crop, read_whole_crop
from models.reader import LineReader
from models.registry import REGISTRY_PATH, ModelEntry, ModelError, load_registry
from models.roles import REQUIRED
from models.sessions import LaterSession, ModelOutputError, Session
from models.vehicle_finder import VehicleFinder, sighted

# Longest side of what the detectors see. Plates are looked for by their own at 416, where it was trained, and closer.
PLATE_SIDES_PX = (416, 832)
TEXT_SIDE_PX = 640
CONTAINER_SIDE_PX = 736
SECOND_SIDE_PX = 1024
FIRST_LINES = 11
MAX_LINES = 36
MAX_SIZE_TYPE_LINES = 5
NEAR_CODE_HEIGHTS = 5.0
# Pictures this low are the crop of a plate camera: one plate and nothing else.
CROP_HEIGHT_PX = 80
CROP_MIN_ASPECT = 1.8
# Of 40 crops made smaller 38 were read at 14 px, none wrongly; at 12 px 27, two of them wrongly.
MIN_CROP_HEIGHT_PX = 14
CONTAINER = "container"
VEHICLE = "vehicle"
LOOK_FOR_ALL = frozenset({PLATE, CONTAINER, VEHICLE})
# What a fault says of itself is for a log.
MOST_SAID = 1_000


@dataclass(frozen=True, slots=True)
class Detectors:
    """What finds lines: `texts` any text, `codes` container codes in rows and columns, faster; `plates` plates.

    `vehicles` finds vehicles and the boxes that they carry; None where the registry names no such detector. `covers`
    sees what stands before plates; None where nobody looks.
    """

    texts: TextDetector
    codes: TextDetector
    plates: PlateFinder
    vehicles: VehicleFinder | None = None
    covers: CoverFinder | None = None


@dataclass(frozen=True, slots=True)
class Readers:
    """What reads lines: any text, plates alone, columns of upright characters."""

    texts: LineReader
    plates: LineReader
    columns: LineReader


class PictureReader:
    """The whole of recognition for one picture, on one thread. Built once a process."""

    def __init__(self, detectors: Detectors, readers: Readers, later: Sequence[LaterSession] = ()) -> None:
        """Read with these; `later` are those of their models that are not held while no picture comes."""
        self._detectors = detectors
        self._readers = readers
        self._later = later
        # What a model did that it may not do while the last picture was read; the picture says only that one did.
        self.fault: Fault | None = None

    def rest(self) -> None:
        """Let go of what only some pictures ask for: no picture has come for a while."""
        for session in self._later:
            session.rest()

    def read_encoded(self, encoded: bytes, look_for: frozenset[str], masks: Sequence[Mask] = ()) -> PictureReading:
        """Read a JPEG or PNG outside `masks`. What cannot be read is `unread`; raises nothing for what it shows."""
        start = time.perf_counter()
        self.fault = None
        opened = open_picture(encoded)
        defect = opened.defect
        reading = PictureReading()
        if opened.image is not None:
            height, width = opened.image.shape[:2]
            masked = Masked(masks, width, height)
            image = masked.painted(opened.image)
            light = light_of(image, masked.seen)
            defect = MASKED if masked.leaves_nothing else defect_of(light)
            if defect is None:
                try:
                    reading = _explained(self.read(image, look_for, masked), cause_of(light))
                except ModelOutputError as error:
                    self.fault, defect = fault_of(error), "model_output"
        if defect is not None:
            reading = PictureReading(unread=(Unread("picture", defect),))
        elapsed_ms = round((time.perf_counter() - start) * 1000, 1)
        return replace(reading, elapsed_ms=elapsed_ms)

    def read(self, image: Image, look_for: frozenset[str], masked: Masked | None = None) -> PictureReading:
        """Read decoded pixels, in which what is `masked` is painted over already. Raises ModelOutputError."""
        masked = Masked() if masked is None else masked
        vehicles, faint = self._vehicles(image, masked) if VEHICLE in look_for else ((), ())
        spelt = look_for - {VEHICLE}
        reading = self._spelt(image, spelt, masked) if spelt else PictureReading()
        if reading.containers or any(one.vehicle_class == CONTAINER for one in vehicles):
            faint = tuple(one for one in faint if one.what != CONTAINER)
        return replace(reading, vehicles=vehicles, unread=(*reading.unread, *faint))

    def _vehicles(self, image: Image, masked: Masked) -> tuple[tuple[VehicleSighting, ...], tuple[Unread, ...]]:
        """Return the vehicles and boxes that are seen, and what may be a box: no vehicle that shows it is empty."""
        unavailable = (), (Unread(VEHICLE, "model_unavailable"),)
        if self._detectors.vehicles is None:
            return unavailable
        try:
            told, faint = sighted(self._detectors.vehicles.find(image))
        except ModelError as error:
            self.fault = fault_of(error)
            return unavailable
        hiding = masked.may_hide_box(told)
        return told, faint if hiding is None else (*faint, Unread(CONTAINER, MASKED, hiding))

    def _spelt(self, image: Image, look_for: frozenset[str], masked: Masked) -> PictureReading:
        """Return the plates and codes of a picture."""
        readers = self._readers
        covers = SeenCovers(image, self._detectors.covers)
        looks = TwoLooks(
            Looks(image, readers.plates), Looks(image, readers.texts, readers.columns), covers, masked=masked
        )
        height, width = image.shape[:2]
        if PLATE in look_for and height <= CROP_HEIGHT_PX and width >= CROP_MIN_ASPECT * height:
            if height < MIN_CROP_HEIGHT_PX:
                return PictureReading(unread=tuple(Unread(what, TOO_FEW_PIXELS) for what in sorted(look_for)))
            whole = masked.spared(PLATE, PLATE_REACH, read_whole_crop(looks) or read_fitted_crop(looks))
            if not whole and look_for == {PLATE}:
                # What nobody could read is a plate all the same, or none.
                looks.seen.extend(self._detectors.plates.find(image, PLATE_SIDES_PX[0]))
            if whole or look_for == {PLATE}:
                return PictureReading(tuple(whole), (), (), _unread(looks, look_for, whole, []))
        plates, containers = self._look(looks, look_for)
        # Another vehicle's plate, and one box of two, are no answer where what is nearer was cut at a mask.
        plates = masked.alone(PLATE, plates, [plate.line.box for plate in looks.seen])
        containers = masked.alone(CONTAINER, containers)
        codes = tuple(masked.without_size_type(as_probability(one)) for one in containers)
        found = PictureReading(tuple(plates), codes, (), _unread(looks, look_for, plates, containers))
        return _explained(found, TOO_FEW_PIXELS if looks.all_too_low else None)

    def _look(self, looks: TwoLooks, look_for: frozenset[str]) -> tuple[list[PlateSighting], list[ContainerSighting]]:
        plates: list[PlateSighting] = []
        containers: list[ContainerSighting] = []
        # The detector of codes is seven times as fast; the general one finds some of the rows that it misses.
        codes, texts = self._detectors.codes, self._detectors.texts
        for find_plates_in, code_side, detector in (
            (self._plates, CONTAINER_SIDE_PX, codes),
            (self._plates_closer, SECOND_SIDE_PX, codes),
            (None, CONTAINER_SIDE_PX, texts),
        ):
            # A picture that holds anything looked for is not looked at twice: the second look costs twice the first.
            if plates or _verified(containers):
                break
            if PLATE in look_for and find_plates_in is not None:
                plates = find_plates_in(looks)
            if CONTAINER in look_for:
                again = looks.masked.spared(CONTAINER, CODE_REACH, self._containers(looks, detector, code_side))
                containers = again if _verified(again) else containers or again
        if CONTAINER in look_for and not plates and not _verified(containers):
            again = looks.masked.spared(CONTAINER, CODE_REACH, self._faint_columns(looks.texts))
            containers = again if _verified(again) else containers or again
        if lacks_size_type(containers):
            # Painted smaller, in a column of its own, which is marked weakly where the code's is not.
            beside = codes.find(looks.texts.image, SECOND_SIDE_PX, FAINT)
            containers = size_type_beside(looks.texts, beside, containers)
        return plates, containers

    def _faint_columns(self, texts: Looks) -> list[ContainerSighting]:
        """Return the codes in columns that the detector of codes marks weakly, by what it has seen already."""
        containers: list[ContainerSighting] = []
        for side in (CONTAINER_SIDE_PX, SECOND_SIDE_PX):
            if not _verified(containers):
                again = find_containers(texts, self._detectors.codes.find(texts.image, side, FAINT), [])
                containers = again if _verified(again) else containers or again
        return containers

    def _plates(self, looks: TwoLooks) -> list[PlateSighting]:
        """Return the plates that their own detector finds; where it finds none that can be read, those in any text."""
        for side in PLATE_SIDES_PX:
            found = self._detectors.plates.find(looks.plates.image, side)
            looks.seen.extend(found)
            spelt = found_rows(looks, found)
            plates = looks.masked.spared(PLATE, PLATE_REACH, find_plates(looks, spelt.rows, spelt.undoubted))
            if plates and not leaves_larger(found, plates):
                return plates
        return self._spelt_plates(looks, TEXT_SIDE_PX)

    def _plates_closer(self, looks: TwoLooks) -> list[PlateSighting]:
        return self._spelt_plates(looks, SECOND_SIDE_PX)

    def _spelt_plates(self, looks: TwoLooks, side: int) -> list[PlateSighting]:
        """Return the plates that lines of any text spell: numbers on boards, plates that nobody sees as such."""
        level = _level(self._detectors.texts.find(looks.plates.image, side))
        rows: list[ReadLine] = []
        plates: list[PlateSighting] = []
        for more in (level[:FIRST_LINES], level[FIRST_LINES:MAX_LINES]):
            if not plates and more:
                rows += looks.plates.read_rows(more)
                plates = looks.masked.spared(PLATE, PLATE_REACH, find_plates(looks, rows))
        return plates

    def _containers(self, looks: TwoLooks, detector: TextDetector, side: int) -> list[ContainerSighting]:
        lines = detector.find(looks.texts.image, side)
        level = _level(lines)
        rows: list[ReadLine] = []
        containers = _codes(looks.texts, looks.plates.read_rows(level[:FIRST_LINES]), rows, lines)
        more = level[FIRST_LINES:MAX_LINES]
        if _verified(containers):
            more = [line for line in more if _lacks_size_type(containers, line)][:MAX_SIZE_TYPE_LINES]
        again = _codes(looks.texts, looks.plates.read_rows(more), rows, []) if more else []
        return again if _verified(again) or not containers else containers


def _level(lines: list[TextLine]) -> list[TextLine]:
    """Return the rows among `lines`, tallest first: plates and codes are the tallest text of a picture."""
    return sorted((line for line in lines if not is_upright(line)), key=lambda line: -line.height)


def _codes(texts: Looks, seen: list[ReadLine], rows: list[ReadLine], lines: list[TextLine]) -> list[ContainerSighting]:
    """Return the codes in `rows`, which grow by lines of `seen`: first by those that look like one.

    The reader of plates has `seen` them all, the general one, which reads codes better, takes six times as long.
    `lines` are looked at for columns where no row holds a code.
    """
    heed_rows(texts, seen)
    promising = likely_code_lines(seen)
    rows += texts.read_rows(promising)
    containers = find_containers(texts, lines, rows)
    rest = [row.line for row in seen if not any(row.line is one for one in promising)]
    if _verified(containers):
        # The size and type are painted smaller than the code, next to it.
        rest = [line for line in rest if _lacks_size_type(containers, line)][:MAX_SIZE_TYPE_LINES]
        if not rest:
            return containers
    rows += texts.read_rows(rest)
    again = find_containers(texts, [], rows)
    return again if _verified(again) else containers or again


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
    looks: TwoLooks, look_for: frozenset[str], plates: list[PlateSighting], containers: list[ContainerSighting]
) -> tuple[Unread, ...]:
    unread: list[Unread] = []
    if PLATE in look_for and not plates:
        unread.append(Unread(PLATE, *looks.why_no_plate()))
    if CONTAINER in look_for and not _verified(containers):
        reason, box = ("check_digit", containers[0].box) if containers else (NOT_FOUND, None)
        refused = looks.masked.first_refused(CONTAINER)
        unread.append(Unread(CONTAINER, reason, box) if refused is None else Unread(CONTAINER, MASKED, refused))
    return tuple(unread)


def _explained(reading: PictureReading, cause: str | None) -> PictureReading:
    """Return `reading` with `cause` where nothing better is known: what is not seen may be there all the same."""
    if cause is None:
        return reading
    unread = (replace(one, reason=cause) if one.reason in (NOT_FOUND, ILLEGIBLE) else one for one in reading.unread)
    return replace(reading, unread=tuple(unread))


def fault_of(error: ModelError | ModelOutputError) -> Fault:
    """Return `error` as it is told: on one line, for texts of onnxruntime stand in it, and short."""
    said = "".join(one if one.isprintable() else " " for one in str(error))
    return Fault(error.code, error.name, said[:MOST_SAID])


def load_picture_reader(
    registry_path: Path = REGISTRY_PATH, loading: Callable[[str], None] = lambda _name: None
) -> PictureReader:
    """Return a reader with the models of the registry; `loading` hears of each before it is. Raises ModelError."""
    registry = load_registry(registry_path, required=REQUIRED)

    def loaded(name: str) -> Session:
        loading(name)
        return Session(registry[name])

    def texts(name: str) -> TextDetector:
        return TextDetector(loaded(name).run, name)

    def reader(name: str) -> LineReader:
        return _reader(loaded(name))

    any_text, codes, plates = texts("text_detector"), texts("code_detector"), PlateFinder(loaded("plate_detector").run)
    found = registry.get("vehicle_detector")
    later = [] if found is None else [LaterSession(found)]
    vehicles = VehicleFinder(later[0].run) if later else None
    covers = CoverFinder(loaded("cover_detector").run)
    readers = Readers(reader("text_reader"), reader("plate_reader"), reader("column_reader"))
    return PictureReader(Detectors(any_text, codes, plates, vehicles, covers), readers, later)


def line_reader(entry: ModelEntry) -> LineReader:
    """Return a reader with the model of `entry`, whose file names its characters. Raises ModelError."""
    return _reader(Session(entry))


def _reader(session: Session) -> LineReader:
    return LineReader(session.run, session.characters, session.name)
