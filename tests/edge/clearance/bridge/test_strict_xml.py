"""What is no acceptable XML, and why; what is written is read again."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.clearance.bridge.strict_xml import MAX_TEXT, Element, XmlError, read, write

LAUGHS = b'<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><a>&b;&b;&b;</a>'
OUTSIDE = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>'


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "xml_syntax"),
        (b"<a>", "xml_syntax"),
        (b"<a/><a/>", "xml_syntax"),
        (b"<a b='1' b='2'/>", "xml_syntax"),
        (b"<a>&x;</a>", "xml_syntax"),
        (b"<a>&#0;</a>", "xml_syntax"),
        (b"<a>\x00</a>", "xml_syntax"),
        (LAUGHS, "xml_doctype"),
        (OUTSIDE, "xml_doctype"),
        (b"<!DOCTYPE a SYSTEM 'x.dtd'><a/>", "xml_doctype"),
        (b"<a><?php x ?></a>", "xml_instruction"),
        (b"<a>" * 9 + b"</a>" * 9, "xml_too_deep"),
        (b"<a>" + b"<b/>" * 400 + b"</a>", "xml_too_many"),
        (b"<a " + b" ".join(b"b%d='1'" % n for n in range(25)) + b"/>", "xml_too_many"),
        (b"<a>" + b"x" * (MAX_TEXT + 1) + b"</a>", "xml_text_too_long"),
        (b"<a>" + b"x<b/>" * 300 + b"x" * MAX_TEXT + b"</a>", "xml_text_too_long"),
        (b"<a b='" + b"x" * (MAX_TEXT + 1) + b"'/>", "xml_text_too_long"),
        (b"<n:a xmlns:n='u'/>", "xml_name"),
        ("<箱/>".encode("gb18030"), "xml_name"),
        ("<a>苏</a>".encode(), "xml_encoding"),
        (b'<?xml version="1.0" encoding="UTF-8"?><a/>', "xml_declares_other_encoding"),
        (b'<?xml version="1.0" encoding="UTF-16"?><a/>', "xml_declares_other_encoding"),
    ],
)
def test_what_is_not_acceptable_is_named(body: bytes, reason: str) -> None:
    with pytest.raises(XmlError) as refused:
        read(body, "gb18030", "GB2312")
    assert refused.value.reason == reason


@pytest.mark.parametrize("declaration", ["", '<?xml version="1.0"?>', '<?xml version="1.0" encoding="gbk"?>\n'])
def test_gb2312_is_read_whatever_of_its_family_is_declared(declaration: str) -> None:
    assert read(f"{declaration}<a>苏A·88888</a>".encode("gb18030"), "gb18030", "GB2312").text == "苏A·88888"


def test_utf8_under_a_false_declaration_is_a_dialect_of_its_own() -> None:
    body = '<?xml version="1.0" encoding="GB2312"?><a>苏</a>'.encode()
    assert read(body, "utf-8", "GB2312").text == "苏"
    with pytest.raises(XmlError):
        read(body, "utf-8", "UTF-8")


def test_an_element_that_stands_twice_is_never_one_of_the_two() -> None:
    root = read(b"<a><b>0</b><b>1</b></a>", "utf-8", "UTF-8")
    with pytest.raises(XmlError) as refused:
        root.at("b")
    assert refused.value.reason == "xml_twice"
    assert root.at("c/d") is None


def test_an_element_that_holds_others_says_no_text() -> None:
    root = read(b"<a><b>0<c>1</c></b></a>", "utf-8", "UTF-8")
    with pytest.raises(XmlError) as refused:
        root.at("b")
    assert refused.value.reason == "xml_not_text"
    assert root.at("b/c") == "1"


def test_comments_and_cdata_are_no_elements() -> None:
    root = read(b"<a><!-- <b>1</b> --><b><![CDATA[<&]]></b></a>", "utf-8", "UTF-8")
    assert root.at("b") == "<&"


@pytest.mark.parametrize("element", [Element("a b"), Element("a", text="\n"), Element("a", {"b": "\x00"})])
def test_what_xml_cannot_hold_is_not_written(element: Element) -> None:
    with pytest.raises(ValueError):
        write(element, "utf-8", "UTF-8")


texts = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=40)


@settings(max_examples=100, deadline=None)
@given(texts, texts, st.sampled_from(["gb18030", "utf-8"]))
def test_what_is_written_is_read_again(text: str, value: str, encoding: str) -> None:
    declares = "GB2312" if encoding == "gb18030" else "UTF-8"
    root = Element("a", {"b": value}, [Element("c", text=text)])
    assert read(write(root, encoding, declares), encoding, declares) == root  # type: ignore[arg-type]


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=300), st.text("<>/a!?[]&;#x\"'= -", max_size=80).map(str.encode)))
def test_any_bytes_are_a_document_or_named(body: bytes) -> None:
    with contextlib.suppress(XmlError):
        assert read(body, "gb18030", "GB2312").name
