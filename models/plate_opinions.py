"""A second reader's opinion of a plate: the reader of plates sees plates everywhere, the reader of any text does not.

Kakou's own reader is fast and reads small plates; shown `MAX GROSS` it may spell the plate that looks most like it. The
general reader is slow and loses provinces at low resolution, but rarely takes one letter for another.
"""

from dataclasses import replace

from edge.core.plate import PROVINCES, Plate, canonical_plate_text, parse_plate
from edge.core.readings import PlateSighting
from models.decode import best_fitting, cut_to, spelling_of, top_glyphs
from models.pixels import Array
from models.plate_grammar import PLATE_CHARACTERS, is_complete, may_follow
from models.plates import is_temporary

# An opinion whose weakest character is below this is none.
SURE_FLOOR = 0.5
# How sure the first reader has to be without an opinion, and with one that leaves the province open.
ALONE_FLOOR = 0.97
PROVINCE_ALONE_FLOOR = 0.95
# Where two readers spell two plates, one is answered only if it is this much likelier than the other.
WON_FLOOR = 0.9
# Of two rows a letter is no answer that the general reader takes for another one with this: an O in an upper row the
# reader of plates takes for a Q, and is sure of it (docs/decisions/0086).
CONTRADICTED_FLOOR = 0.1
# Kinds of which there are photographs enough to tell by. What a plate of theirs needs in a scene as a whole, what any
# other one does, and its province where the general reader does not spell the same plate (docs/decisions/0087).
USUAL_KINDS = frozenset({"ordinary", "nev_small", "nev_large", "trailer"})
USUAL_FLOOR = 0.8
SELDOM_FLOOR = 0.95
SELDOM_PROVINCE_FLOOR = 0.99
# What a province of a usual kind needs, and any mark, where the general reader does not spell the same plate.
MARK_FLOOR = 0.9
# Less than this of the general reader spells nothing: its search follows whatever is left of a thousandth.
SPELT_FLOOR = 0.1
# Of the weakest character, for each of two readers that have to spell the same where something may be hidden.
SURELY_SEEN = 0.9
# What a reader that does not see a 临 most often takes one for; rarer, it leaves it out.
LIKE_TEMPORARY = frozenset("6领挂")
# The general reader writes these for the digits that plates have in their place.
_DIGITS = str.maketrans("OI", "01")


def agreed(sighting: PlateSighting, probabilities: Array) -> PlateSighting | None:
    """Return what both readers make of a plate, or None where they do not agree.

    `sighting` is what the reader of plates answered, `probabilities` what the general reader says of the same line.
    """
    return _agreed(sighting, probabilities, *fitting(probabilities))


def agreed_in_scene(
    sighting: PlateSighting, probabilities: Array, spelt: tuple[str, float] | None = None
) -> PlateSighting | None:
    """Return what both readers make of a plate in a picture of more than the plate, or None (docs/decisions/0087).

    `spelt`: what `fitting` gave for `probabilities`, where it was searched before.
    """
    other, sure = spelt or fitting(probabilities)
    answer = _agreed(sighting, probabilities, other, sure)
    if answer is None or answer.confidence < scene_floor(answer.plate):
        return None
    both = other == answer.plate.text and sure >= SPELT_FLOOR
    return answer if both or has_sure_marks(sighting) else None


def scene_floor(plate: Plate) -> float:
    """Return what `plate` needs as a whole in a picture of more than the plate, whoever spelt it.

    Five digits on no ground of a colour are also what is left of a large new-energy plate without its last letter.
    """
    lacks = plate.kind == "ordinary" and plate.colour is None and plate.text[2:].isdigit()
    return SELDOM_FLOOR if lacks or plate.kind not in USUAL_KINDS else USUAL_FLOOR


def may_lack_a_character(plate: Plate) -> bool:
    """Say whether the text is also what is left of another plate without its province or letter.

    The general reader does not know provinces at low resolution: JG81318, WJ12345. Consulates have four digits or five,
    with a letter before them or without: 云54470领.
    """
    longest = {"armed_police": 8, "consulate": 8}
    return plate.kind == "military" or len(plate.text) < longest.get(plate.kind, 0)


def _agreed(sighting: PlateSighting, probabilities: Array, other: str, sure: float) -> PlateSighting | None:
    """Return what both make of a plate where the general reader spells `other`, as surely as that."""
    if is_temporary(probabilities):
        return None
    if other == sighting.plate.text:
        return replace(sighting, confidence=round(max(sighting.confidence, _both(sighting.confidence, sure)), 4))
    if sighting.plate.rows == 2 and sure >= CONTRADICTED_FLOOR and _serial(other) != _serial(sighting.plate.text):
        return None
    if sure >= SURE_FLOOR:
        return _likelier(sighting, other, sure)
    alphabet, columns = cut_to(probabilities, PLATE_CHARACTERS)
    seen = spelling_of(top_glyphs(columns, alphabet))
    if _serial(seen.text).endswith(_serial(sighting.plate.text)):
        return sighting if sighting.confidence >= PROVINCE_ALONE_FLOOR else None
    # Something else stands there for certain, and it is no plate.
    if seen.confidence >= SURE_FLOOR and len(seen.text) > len(sighting.plate.text) // 2:
        return None
    return sighting if sighting.confidence >= ALONE_FLOOR else None


def contradicted(plate: Plate, spelt: tuple[str, float]) -> bool:
    """Say whether the general reader surely spells another plate: other letters or digits, of two rows also a province.

    `spelt`: see `fitting`. That is no answer in a picture of more than the plate (docs/decisions/0089).
    """
    other, sure = spelt
    differs = other != plate.text if plate.rows == 2 else _serial(other) != _serial(plate.text)
    return differs and sure >= SURE_FLOOR


def spelt_as(plate: Plate, spelt: tuple[str, float]) -> float:
    """Return how surely the general reader spells just this plate, 0.0 where it spells another one or none.

    `spelt`: see `fitting`.
    """
    other, sure = spelt
    return sure if other == plate.text else 0.0


def has_sure_marks(sighting: PlateSighting) -> bool:
    """Say whether the reader of plates can be believed alone about the province, and a mark like 港, in a scene.

    The general reader seldom says anything of them; a plate that is not the top answer has no sure ones.
    """
    province = MARK_FLOOR if sighting.plate.kind in USUAL_KINDS else SELDOM_PROVINCE_FLOOR
    told = zip(sighting.plate.text, sighting.characters, strict=False)
    marks = ((share, province if one in PROVINCES else MARK_FLOOR) for one, share in told if not one.isascii())
    return bool(sighting.characters) and all(share >= floor for share, floor in marks)


def alike(sighting: PlateSighting, probabilities: Array, sure: float) -> bool:
    """Say whether both readers spell the same letters and digits and each is as `sure` of every one of them.

    What is half hidden is one character to one reader and another one to the other, or to none for certain.
    """
    alphabet, columns = cut_to(probabilities, PLATE_CHARACTERS)
    seen = spelling_of(top_glyphs(columns, alphabet))
    surest = min(seen.confidence, *sighting.characters, 1.0) if sighting.characters else 0.0
    return surest >= sure and _serial(seen.text) == _serial(sighting.plate.text)


def may_be_temporary(sighting: PlateSighting) -> bool:
    """Say whether the general reader has to be asked about a plate of which the reader of plates is sure."""
    return sighting.plate.colour is None or sighting.plate.text[-1] in LIKE_TEMPORARY


def fitting(probabilities: Array) -> tuple[str, float]:
    """Return the plate that the general reader spells, and how sure it is; '' and 0.0 where there is none."""
    alphabet, columns = cut_to(probabilities, PLATE_CHARACTERS)
    found = best_fitting(columns, alphabet, may_follow, is_complete)
    if found is None:
        return "", 0.0
    return canonical_plate_text(found[0].text), min(found[1], found[0].confidence)


def _both(one: float, other: float) -> float:
    """Return how sure two readers together are of what both say, as if they failed independently."""
    return one * other / max(one * other + (1.0 - one) * (1.0 - other), 1e-9)


def _likelier(sighting: PlateSighting, other: str, confidence: float) -> PlateSighting | None:
    """Return the plate that one reader spells and the other does not, where it is by far the likelier one."""
    ours = sighting.confidence * (1.0 - confidence)
    theirs = confidence * (1.0 - sighting.confidence)
    won = max(ours, theirs) / max(ours + theirs, 1e-9)
    if won < WON_FLOOR:
        return None
    if ours > theirs:
        return replace(sighting, confidence=round(won, 4))
    plate = parse_plate(other, sighting.plate.colour, sighting.plate.rows)
    if plate is None or (may_lack_a_character(plate) and any(one in PROVINCES for one in sighting.plate.text)):
        return None
    # Seven characters on green lack one.
    if plate.colour is None and sighting.plate.colour is not None:
        return None
    return replace(sighting, plate=plate, confidence=round(won, 4), characters=())


def _serial(text: str) -> str:
    """Return the letters and digits of `text`, which the general reader reads well, with O and I as digits."""
    return "".join(character for character in text if character.isascii()).translate(_DIGITS)
