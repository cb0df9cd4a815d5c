"""Confirming at the lane with no network: challenge and answer through the control socket, and the desk's limits."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from edge.clearance.authority_link import FLOOD_BURST
from edge.clearance.confirm_desk import TRIES, answer_topic
from edge.clearance.confirmation import challenge_hash
from edge.clearance.door import TOLD_BURST
from edge.core.events import InputsLost, ModeOrdered
from edge.core.state import Phase
from edge.mqtt import Message
from edge.verbs.confirm import main as confirm
from tests.support.clearance import AUTHORITY, LANE, SITE
from tests.support.handheld_lane import HANDHELD, HandheldLane, handheld_lane
from tests.support.journal_facts import read_facts

TOPIC = answer_topic(SITE, LANE, AUTHORITY)


@pytest.fixture
async def lane(tmp_path: Path) -> AsyncIterator[HandheldLane]:
    async with handheld_lane(tmp_path) as opened:
        yield opened


async def test_an_answer_opens_with_no_network(lane: HandheldLane, tmp_path: Path) -> None:
    challenge = await lane.held()
    rising = asyncio.create_task(lane.rise())
    answer = await lane.ask("confirm", answer=lane.terminals["chen"].answer(challenge, "open").decode())
    await rising
    assert (answer["accepted"], answer["reason"], answer["phase"]) == (True, None, "open")
    assert lane.lane.barrier.commands.count("raise") == 1
    (spent,) = read_facts(tmp_path / "journal.sqlite", LANE).named("opened_by_person")
    assert (spent["operator"], spent["reason"]) == ("chen", "looked_at_it")


async def test_an_answer_refuses(lane: HandheldLane) -> None:
    challenge = await lane.held()
    answer = await lane.ask("confirm", answer=lane.terminals["chen"].answer(challenge, "refuse").decode())
    assert (answer["accepted"], answer["phase"]) == (True, "turning_back")


async def test_status_names_the_challenge_and_a_terminal_reads_it(lane: HandheldLane) -> None:
    challenge = await lane.held()
    (shown, _) = (await lane.ask("status"))["lanes"]
    assert shown["challenge"] == lane.terminals["chen"].read(challenge)["nonce"]


async def test_what_does_not_count_says_why(lane: HandheldLane) -> None:
    challenge = await lane.held()
    chen = lane.terminals["chen"]
    other = chen.sign(replace(chen.confirmation(challenge, "open", "looked"), passage="other"))
    answer = await lane.ask("confirm", answer=other.decode())
    assert (answer["accepted"], answer["reason"], answer["phase"]) == (False, "wrong_passage", "held")
    answer = await lane.ask("confirm", answer="open, please")
    assert (answer["accepted"], answer["reason"]) == (False, "confirm_not_compact")
    assert lane.refused == ["confirm_not_compact"]


async def test_two_officers_each_by_a_challenge_of_their_own(tmp_path: Path) -> None:
    async with handheld_lane(tmp_path, replace(HANDHELD, two_persons=("open",))) as lane:
        first = await lane.held()
        answer = await lane.ask("confirm", answer=lane.terminals["chen"].answer(first, "open").decode())
        assert (answer["accepted"], answer["reason"]) == (False, None)
        assert answer["lane"]["awaits_second"]["operator"] == "chen"
        second = await lane.shown()
        assert challenge_hash(second) != challenge_hash(first)
        rising = asyncio.create_task(lane.rise())
        answer = await lane.ask("confirm", answer=lane.terminals["li"].answer(second, "open").decode())
        await rising
        assert answer["accepted"]


async def test_no_lane_no_terminals_and_nothing_held(lane: HandheldLane) -> None:
    for verb, fields in (("challenge", {}), ("confirm", {"answer": "x"})):
        assert (await lane.ask(verb, "lane-9", **fields))["error"] == "unknown_lane"
        assert await lane.ask(verb, "bare", **fields) == {"error": "no_handheld", "lane": "bare"}
    assert (await lane.ask("challenge"))["challenge"] is None
    assert (await lane.ask("confirm", answer=3))["error"] == "unknown_request"


async def test_a_challenge_that_is_void_is_no_longer_shown(lane: HandheldLane) -> None:
    await lane.held()
    lane.lane.scan(arrival_loop=False)
    assert (await lane.ask("challenge"))["challenge"] is None


async def test_a_challenge_that_was_overtaken_before_it_was_written_is_never_shown(lane: HandheldLane) -> None:
    challenge = await lane.held()
    lane.desk.send("another")
    assert (await lane.ask("challenge"))["challenge"].encode() == challenge


# The desk


def heard(payload: bytes, *, retained: bool = False) -> Message:
    return Message(TOPIC, payload, retained)


@pytest.mark.hazard("C6")
async def test_a_retained_answer_is_refused(lane: HandheldLane) -> None:
    challenge = await lane.held()
    lane.desk.receive(heard(lane.terminals["chen"].answer(challenge, "open"), retained=True))
    assert (lane.refused, lane.taken) == (["confirm_retained"], [])


@pytest.mark.hazard("S18")
async def test_whoever_guesses_answers_locks_nobody_out_of_the_lane(lane: HandheldLane) -> None:
    challenge = await lane.held()
    chen = lane.terminals["chen"]
    guess = replace(chen.confirmation(challenge, "open", "looked"), nonce="0" * 32)
    for number in range(30):
        said = chen.sign(replace(guess, reason=f"looked_{number}")).decode()
        assert (await lane.ask("confirm", answer=said))["accepted"] is False
        assert (await lane.ask("confirm", answer="guessed"))["accepted"] is False
    assert lane.lane.barrier.commands.count("raise") == 0
    lane.lane.scan(arrival_loop=True)
    rising = asyncio.create_task(lane.rise())
    opened = await lane.ask("order", action="open", operator="wang", reason="ambulance")
    await rising
    assert (opened["accepted"], opened["phase"]) == (True, "open")


@pytest.mark.hazard("C20")
async def test_a_storm_is_not_even_verified(lane: HandheldLane) -> None:
    for _ in range(10 * FLOOD_BURST):
        lane.desk.receive(heard(b"storm"))
    assert FLOOD_BURST <= len(lane.refused) < 2 * FLOOD_BURST


@pytest.mark.hazard("C10", "C20")
async def test_a_replay_is_told_a_few_times_and_then_fills_no_journal(lane: HandheldLane) -> None:
    challenge = await lane.held()
    old = lane.terminals["chen"].answer(challenge, "refuse")
    lane.desk.offer(old)
    for _ in range(10 * TOLD_BURST):
        lane.desk.offer(old)
    assert len(lane.taken) == 1 + TOLD_BURST


async def test_a_terminal_that_signs_ever_new_wrong_answers_fills_no_journal_and_keeps_no_other_out(
    lane: HandheldLane,
) -> None:
    challenge = await lane.held()
    chen, li = lane.terminals["chen"], lane.terminals["li"]
    wrong = replace(chen.confirmation(challenge, "open", "looked"), challenge_hash="0" * 64)
    for number in range(10 * TOLD_BURST):
        lane.desk.offer(chen.sign(replace(wrong, reason=f"looked_{number}")))
    assert len(lane.taken) == TRIES + TOLD_BURST
    lane.desk.offer(li.answer(challenge, "refuse"))
    assert lane.lane.runner.state.phase is Phase.TURNING_BACK


async def test_the_answer_to_the_challenge_in_force_passes_whatever_came_before(lane: HandheldLane) -> None:
    challenge = await lane.held()
    chen = lane.terminals["chen"]
    stray = [
        chen.sign(replace(chen.confirmation(challenge, "open", "looked"), nonce=f"{number}"))
        for number in range(2 * TOLD_BURST)
    ]
    for one in stray:
        lane.desk.offer(one)
    lane.desk.offer(chen.answer(challenge, "refuse"))
    assert lane.lane.runner.state.phase is Phase.TURNING_BACK


async def test_a_drill_s_challenge_says_so_and_leaves_on_the_drill_s_own_topic(lane: HandheldLane) -> None:
    runner = lane.lane.runner
    runner.take(ModeOrdered(runner.now_ms(), "DRILL", "wang", "exercise"))
    lane.lane.scan(arrival_loop=True)
    runner.take(InputsLost(runner.now_ms()))
    chen = lane.terminals["chen"]
    challenge = await lane.shown()
    assert chen.read(challenge)["drill"]
    assert lane.desk.drills == [True]
    answer = await lane.ask("confirm", answer=chen.answer(challenge, "open").decode())
    assert answer["reason"] == "drill_stays_closed"


# The verb


async def test_the_verb_shows_and_hands_in(
    lane: HandheldLane, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at = ["--socket", str(lane.socket), LANE]
    assert await asyncio.to_thread(confirm, at) == 1
    assert "waits for a handheld terminal" in capsys.readouterr().err
    challenge = await lane.held()
    assert await asyncio.to_thread(confirm, at) == 0
    assert capsys.readouterr().out.splitlines()[-1].encode() == challenge
    assert await asyncio.to_thread(confirm, [*at, "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["challenge"].encode() == challenge
    file = tmp_path / "answer"
    file.write_bytes(lane.terminals["chen"].answer(challenge, "refuse") + b"\n")
    assert await asyncio.to_thread(confirm, [*at, str(file)]) == 0
    assert "accepted: lane1: turning_back" in capsys.readouterr().out
    assert await asyncio.to_thread(confirm, [*at, str(file)]) == 1
    said = capsys.readouterr()
    assert "ignored: challenge_void" in said.err
    assert "refused: lane1: turning_back" in said.out


async def test_the_verb_says_what_stands_in_the_way(
    lane: HandheldLane, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at = ["--socket", str(lane.socket)]
    assert await asyncio.to_thread(confirm, [*at, "bare"]) == 1
    assert "no handheld terminals" in capsys.readouterr().err
    assert await asyncio.to_thread(confirm, ["--socket", str(tmp_path / "none"), LANE]) == 69
    file = tmp_path / "answer"
    file.write_bytes(b"\xff\xfe")
    assert await asyncio.to_thread(confirm, ["--socket", str(tmp_path / "none"), LANE, str(file)]) == 69
    assert await asyncio.to_thread(confirm, [*at, LANE, str(file)]) == 1
    assert "ignored: confirm_" in capsys.readouterr().err
