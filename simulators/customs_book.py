"""The platform's book of documents: what is released to whom, once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

RELEASE = "0" * 20
REFUSED = "11000000000000000000"
NO_DOCUMENT = "11000000001002000000"


@dataclass(slots=True)
class Document:
    """One release document: its form number, the plate or tag of the vehicle, its containers; spent by one release."""

    form: str
    vehicle: str
    containers: tuple[str, ...] = ()
    spent: bool = False


@dataclass(slots=True)
class CustomsBook:
    """Documents by plate or tag. A release spends the document: the next vehicle with its plate is refused."""

    documents: dict[str, Document] = field(default_factory=dict)

    @classmethod
    def of(cls, documents: Iterable[Document]) -> "CustomsBook":
        """Return a book of these documents."""
        return cls({one.vehicle: one for one in documents})

    def add(self, document: Document) -> None:
        """Enter a document; it takes the place of one for the same vehicle."""
        self.documents[document.vehicle] = document

    def rule(self, fields: Mapping[str, str]) -> tuple[str, Document | None]:
        """Return the 20 digits for what was gathered, and the document that they are about.

        Two boxes are released together or not at all: all that were gathered, and no fewer than the document has.
        """
        found = self.documents.get(fields.get("plate", "")) or self.documents.get(fields.get("tag", ""))
        if found is None:
            return NO_DOCUMENT, None
        boxes = sorted(one for one in (fields["container_front"], fields["container_back"]) if one)
        counted = fields.get("container_count", "") in ("", str(len(boxes)))
        if found.spent or not counted or boxes != sorted(found.containers):
            return REFUSED, found
        found.spent = True
        return RELEASE, found
