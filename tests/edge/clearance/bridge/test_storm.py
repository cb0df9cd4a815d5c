"""A platform that does something else wrong at each question, by seed: every release is one that customs gave."""

import random

import pytest

from simulators.customs_book import Document
from simulators.customs_platform import PLATFORM_FAULTS
from tests.support.bridge_bench import BOX, OTHER_BOX, PLATE, TWO_BOXES, BridgeBench, until

# With these an answer that releases, if the book does, still comes whole, first, in time and for this question.
HARMLESS = frozenset({"none", "duplicate", "garbage_before", "bytewise", "no_supplements"})
# Customs itself says that it releases, whatever its book says; this dialect has no place for the errors beside it.
RELEASING = frozenset({"always_releases", "released_then_refused", "business_error", "technical_error"})
QUESTIONS = 40


@pytest.mark.parametrize("seed", range(3))
async def test_every_release_is_one_that_customs_gave_to_that_question(bench: BridgeBench, seed: int) -> None:
    draw = random.Random(seed)
    async with bench.bridge(answer_ms=150) as bridge:
        for number in range(1, QUESTIONS + 1):
            fault = bench.platform.fault = draw.choice(PLATFORM_FAULTS)
            documented = draw.random() < 0.6
            bench.platform.book.documents.clear()
            if documented:
                bench.platform.book.add(Document(f"HF{number}", PLATE, (BOX, OTHER_BOX)))
            # No lane asks so often that the limit against storms is reached.
            bench.clock.ahead_s += 1.0
            await bench.ask(TWO_BOXES)
            answer = await bench.grant()
            # What is taken back comes after the answer that it is about.
            while answer.verdict == "deny":
                answer = await bench.grant()
            assert answer.passage == f"passage{number}", fault
            if answer.verdict == "release":
                assert fault in RELEASING or (fault in HARMLESS and documented), (fault, documented)
        bench.platform.fault = "none"
        bench.platform.book.add(Document("HF-last", PLATE, (BOX, OTHER_BOX)))
        await until(lambda: bridge.platform.is_up)
        await bench.ask(TWO_BOXES)
        while (last := await bench.grant()).verdict == "deny":
            pass
    assert last.verdict == "release", "and nothing of it lasts"
    answers = bench.rows("SELECT count(*), sum(verdict IS NULL), sum(verdict = 'release' AND raw IS NULL) FROM asked")
    assert answers == [(QUESTIONS + 1, 0, 0)]
    assert bench.refusals.empty()
