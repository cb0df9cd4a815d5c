import csv

import pytest

from edge.text import say
from models.labels import LabelsError, doubt_of_codes, doubt_of_plate, labelled_boxes, load_labels
from models.scoring import LabelledBox

COLUMNS = ("image", "plate")
BOXES = ("image", "boxes_xywh")


def none(_row):
    return None


def written(folder, content, encoding="utf-8"):
    folder.mkdir(exist_ok=True)
    (folder / "labels.csv").write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return folder


def refused(folder, columns=COLUMNS):
    with pytest.raises(LabelsError) as error:
        load_labels(folder, columns, none)
    return str(error.value).removeprefix(f"labels_unusable: {folder / 'labels.csv'}")


def test_labels_of_nothing_are_refused(tmp_path):
    assert refused(written(tmp_path, "image,plate\n")) == f": {say('labels_no_rows', None)}"


def test_a_byte_order_mark_and_lines_of_windows_are_no_matter(tmp_path):
    folder = written(tmp_path, "image,plate\r\na.jpg,粤B6R678\r\n", "utf-8-sig")
    assert load_labels(folder, COLUMNS, doubt_of_plate).rows == [{"image": "a.jpg", "plate": "粤B6R678"}]
    assert load_labels(folder, COLUMNS, doubt_of_plate).doubts == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", ":1: expected the columns image, plate, missing image, plate"),
        ("image,plate,plate\na.jpg,A,B\n", ":1: named more than once in the first line: plate"),
        ("image,number\na.jpg,A\n", ":1: expected the columns image, plate, missing plate"),
        ("image,plate\na.jpg,粤B6R678\nb.jpg\n", ":3: the row has no plate"),
        ("image,plate\n../b.jpg,粤B6R678\n", ":2: '../b.jpg' names no picture inside"),
        ("image,plate\nsub/../../b.jpg,粤B6R678\n", ":2: 'sub/../../b.jpg' names no picture"),
        ("image,plate\n/etc/hostname,粤B6R678\n", ":2: '/etc/hostname' names no picture"),
        ("image,plate\n,粤B6R678\n", ":2: '' names no picture"),
        ("image,plate\na\0.jpg,粤B6R678\n", r":2: 'a\x00.jpg' names no picture"),
        ('image,plate\n"a.jpg,粤B6R678\nb.jpg,粤B6R679\n', ":2: not CSV (unexpected end of data)"),
        ("image,plate\na.jpg,粤B6R678\nb.jpg,粤".encode("gb18030"), ":2: not UTF-8"),
        ("image,plate\n".encode("utf-16"), ":1: not UTF-8"),
    ],
)
def test_labels_that_would_make_a_count_untrue_are_refused(tmp_path, content, said):
    assert refused(written(tmp_path, content)).startswith(said)


def test_a_cell_without_end_is_refused(tmp_path):
    long = "a" * 2 * csv.field_size_limit()
    assert ":2: not CSV (field larger than field limit" in refused(written(tmp_path, f"image,plate\n{long},B"))


@pytest.mark.parametrize("boxes", ["t:1,2,3", "t", ":1,2,3,4", "t:1,2,3,inf", "t:1,2,3,nan", "t:a,b,c,d"])
def test_boxes_that_are_none_are_refused_with_their_line(tmp_path, boxes):
    folder = written(tmp_path, f'image,boxes_xywh\na.jpg,"truck:1,2,3,4;car:5,6,7,8.4"\nb.jpg,"{boxes}"\n')
    assert refused(folder, BOXES).startswith(f":3: {boxes!r} are no boxes")
    assert labelled_boxes("truck:1,2,3,4;;car:5,6,7,8.4") == [
        LabelledBox("truck", (1, 2, 3, 4)),
        LabelledBox("car", (5, 6, 7, 8)),
    ]


def test_files_that_are_none_are_not_waited_for(tmp_path):
    assert "cannot be read (missing)" in refused(tmp_path)
    (tmp_path / "labels.csv").mkdir()
    assert "cannot be read (not_a_file)" in refused(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    with pytest.raises(LabelsError, match="link: not a folder"):
        load_labels(tmp_path / "link", COLUMNS, none)


def test_what_is_doubtful_is_counted_and_told(tmp_path):
    rows = "image,plate\na.jpg,粤B·6R678\nb.jpg,HELLO\nb.jpg,粤B6R678,more\n"
    found = load_labels(written(tmp_path, rows), COLUMNS, doubt_of_plate)
    assert [row["plate"] for row in found.rows] == ["粤B·6R678", "HELLO", "粤B6R678"]
    where = f"labels_doubtful: {tmp_path / 'labels.csv'}"
    assert found.doubts == [
        f"{where}:2: {say('labels_no_plate', count=2, truth='粤B·6R678')}",
        f"{where}:4: {say('labels_long', count=1)}",
        f"{where}: {say('labels_repeated', count=1, image='b.jpg')}",
    ]


@pytest.mark.parametrize(
    ("code", "legible", "doubt"),
    [
        ("CSQU3054383", "yes", None),
        ("CSQU3054383|TCLU4254260", "yes", None),
        ("CSQU3054384", "yes", "labels_no_code"),
        ("CSQU3054383|CSQU 305438 3", "yes", "labels_no_code"),
        ("door", "yes", "labels_no_code"),
        ("CSQU3054384", "partial: cut", None),
        ("", "yes", None),
    ],
)
def test_codes_that_no_answer_can_equal(code, legible, doubt):
    assert doubt_of_codes({"code": code, "legible": legible}) == doubt
