"""The demo's trucks: the same for the same seed, with identities that are valid, from drawings and from photographs."""

import pytest

from edge.core.container import check_digit
from edge.core.plate import parse_plate
from simulators.trucks import CONTAINER_CAMERA, PLATE_CAMERA, load_photos, note_of, photo_trucks, rendered_trucks
from tests.support.needs import PHOTOS

PLATES = "image,plate,kind,group\n"
CONTAINERS = "image,code,legible,size_type\n"


def folder_of(tmp_path, plates="", containers=""):
    for name, rows in (("plates", PLATES + plates), ("containers", CONTAINERS + containers)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "labels.csv").write_text(rows, encoding="utf-8")
    return tmp_path


def test_a_seed_gives_the_same_trucks_and_another_seed_others():
    assert list(rendered_trucks(5, 7)) == list(rendered_trucks(5, 7))
    assert list(rendered_trucks(5, 7)) != list(rendered_trucks(5, 8))
    assert list(rendered_trucks(9, 7))[:5] == list(rendered_trucks(5, 7))


def test_rendered_trucks_carry_valid_identities():
    kinds = set()
    for truck in rendered_trucks(60, 3):
        ((place, text, colour, kind, _),) = truck.plates
        ((code, _),) = truck.containers
        parsed = parse_plate(text, colour)
        assert place == "front"
        assert parsed is not None
        assert parsed.kind == kind
        assert code[10] == str(check_digit(code[:10]))
        assert len(truck.tag_epc) == 24
        kinds.add((kind, colour))
    assert kinds == {("ordinary", "yellow"), ("ordinary", "blue"), ("nev_large", "yellow_green")}


def test_a_note_names_exactly_the_truck():
    (truck,) = rendered_trucks(1, 1)
    note = note_of(truck)
    assert [(plate.place, plate.text, plate.colour) for plate in note.plates] == [one[:3] for one in truck.plates]
    assert note.containers == tuple(code for code, _ in truck.containers)
    assert note.tag == truck.tag_epc


def test_photographs_are_chosen_by_rule(tmp_path):
    source = load_photos(
        folder_of(
            tmp_path,
            "a.jpg,粤B12345,yellow-truck,ordinary\nb.jpg,粤B1234挂,trailer,painted\nc.jpg,?,blue,ordinary\n"
            "d.jpg,粤B12345D,green-NEV,special\ne.jpg,京A12345,blue-night,ccpd_frame\nf.jpg,粤B23456,黄牌双层,special\n"
            "g.jpg,粤B34567,crop,ordinary\n",
            "a.jpg,CSQU3054383,yes,22G1\nb.jpg,CSQU3054383|TCLU1425501,yes,\nc.jpg,CSQU3054383,no,\nd.jpg,CSQU,yes,\n",
        )
    )
    plates = [(path.name, text, colour) for path, text, colour in source.plates]
    assert plates[0] == ("a.jpg", "粤B12345", "yellow")
    assert [name for name, _, _ in plates] == ["a.jpg", "d.jpg", "e.jpg", "f.jpg", "g.jpg"]
    assert {name: colour for name, _, colour in plates} == {
        "a.jpg": "yellow",
        "d.jpg": "yellow_green",
        "e.jpg": "blue",
        "f.jpg": "yellow",
        "g.jpg": None,
    }
    assert [(path.name, codes) for path, codes, _ in source.containers] == [
        ("a.jpg", ("CSQU3054383",)),
        ("b.jpg", ("CSQU3054383", "TCLU1425501")),
    ]


def test_more_trucks_than_photographs_come_again_after_all_came(tmp_path):
    source = load_photos(
        folder_of(
            tmp_path,
            "a.jpg,粤B12345,yellow,ordinary\nb.jpg,粤B12346,blue,ordinary\n",
            "a.jpg,CSQU3054383,yes,22G1\n",
        )
    )
    trucks = list(photo_trucks(4, 1, source))
    assert trucks == list(photo_trucks(4, 1, source))
    assert {truck.plates[0][1] for truck in trucks[:2]} == {"粤B12345", "粤B12346"}
    pictures = dict(trucks[0].pictures)
    assert pictures[CONTAINER_CAMERA].endswith("containers/images/a.jpg")
    assert set(pictures) == {PLATE_CAMERA, CONTAINER_CAMERA}


def test_a_folder_without_photographs_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no plate scene"):
        list(photo_trucks(1, 1, load_photos(tmp_path)))


@pytest.mark.photos
def test_every_labelled_photograph_is_there():
    source = load_photos(PHOTOS)
    assert len(source.plates) > 100
    assert len(source.containers) > 40
    assert all(row[0].is_file() for row in (*source.plates, *source.containers))
