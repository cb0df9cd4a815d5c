"""Results as JUnit XML, the form that build servers read."""

from collections.abc import Callable, Sequence
from xml.etree import ElementTree

from simulators.scenario.running import Result


def junit(results: Sequence[Result], tell: Callable[[Result], str]) -> bytes:
    """One test suite with a case for each scenario; `tell` says why one failed."""
    failed = [one for one in results if one.failure is not None]
    suite = ElementTree.Element(
        "testsuite",
        name="kakou sim",
        tests=str(len(results)),
        failures=str(len(failed)),
        errors="0",
        time=f"{sum(one.wall_s for one in results):.2f}",
    )
    for result in results:
        case = ElementTree.SubElement(
            suite, "testcase", classname="scenarios", name=_printable(result.name), time=f"{result.wall_s:.2f}"
        )
        properties = ElementTree.SubElement(case, "properties")
        for name, value in (("seed", result.seed), ("speed", result.speed), ("shows", " ".join(result.shows))):
            ElementTree.SubElement(properties, "property", name=name, value=_printable(str(value)))
        if result.failure is not None:
            failure = ElementTree.SubElement(case, "failure", message=_printable(result.failure.what))
            failure.text = _printable(tell(result))
    return bytes(ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True))


def _printable(text: str) -> str:
    """Text without the characters that XML 1.0 does not have."""
    return "".join(one if one.isprintable() or one in "\n\t" else "\N{REPLACEMENT CHARACTER}" for one in text)
