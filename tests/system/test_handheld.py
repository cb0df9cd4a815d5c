"""Handheld terminals against the real controller: over the broker, through the control socket, and killed between."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from edge.clearance.confirmation import seal_confirmation
from edge.clearance.keys import key_id_of, load_private_key, load_public_key
from edge.clearance.keyset import Keyset, open_keyset
from simulators.handheld import NetworkTerminal, Terminal
from tests.support.controller import LIMIT_S, ROOT
from tests.support.system_lane import AUTHORITY, LANE, SITE, SystemLane
from tests.system.test_killed import proved

POINTS = ("consume_record_before", "consume_record_appended", "consume_record_durable", "raise_before", "raise_after")
CONFIGURED = f"    handheld: {{authority: {AUTHORITY}, answer_s: 60}}\n"


def keyset_of(lane: SystemLane) -> Keyset:
    root = load_public_key(lane.folder / "keys" / "root.pub.pem")
    return open_keyset(
        (lane.folder / "keys" / "keyset.jws").read_bytes(), root_key_id=key_id_of(root), root=root,
        environment="simulated", now_utc=datetime.now(UTC),
    )  # fmt: skip


@asynccontextmanager
async def terminal_of(lane: SystemLane, officer: str = "chen") -> AsyncIterator[NetworkTerminal]:
    """An officer's terminal on the lane's broker."""
    key = load_private_key(lane.folder / "keys" / f"officer-{officer}.key.pem")
    offline = Terminal(officer, key=key, keyset=keyset_of(lane), site=SITE, utc=lambda: datetime.now(UTC))
    settings = lane.broker.settings(f"terminal-{officer}")
    terminal = NetworkTerminal(settings, offline, site=SITE, authority=AUTHORITY)
    up = asyncio.Event()
    terminal.link.on_up = up.set
    running = asyncio.create_task(terminal.link.run())
    try:
        async with asyncio.timeout(LIMIT_S):
            await up.wait()
        yield terminal
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def held(lane: SystemLane, terminal: NetworkTerminal) -> bytes:
    """Let a truck drive in that no release note names; returns the challenge to whoever holds a terminal."""
    known = len(terminal.challenges)
    lane.arrive(noted=False)
    await lane.until(lambda: len(terminal.challenges) > known and lane.state.get("phase") == "held")
    return terminal.challenges[-1]


async def test_an_officer_opens_over_the_network(lane: SystemLane):
    lane.write_config(handheld=CONFIGURED)
    await lane.start_controller()
    async with terminal_of(lane) as terminal:
        challenge = await held(lane, terminal)
        shown = terminal.terminal.read(challenge)
        assert (shown["lane"], shown["simulated"], shown["pictures"]) == (LANE, True, [])
        assert shown["reasons"] == lane.state["reasons"]
        terminal.send(LANE, terminal.terminal.answer(challenge, "open", "seal_checked"))
        await lane.until(lambda: [one["terminal"] for one in lane.ended] == ["MANUAL_PASSED"])
        said = await lane.event("opened_by_person")
        assert (said["operator"], said["reason"]) == ("chen", "seal_checked")
        await lane.gone()
    assert await lane.controller.stop() == 0
    facts = proved(lane)
    assert facts.consumed == [(shown["nonce"],)]


@pytest.mark.hazard("C6", "C10", "S1", "S2", "S20", "I1", "I3", "I14")
@pytest.mark.threat("repetition", "insertion", "corruption", "masquerade", "handheld")
async def test_hostile_answers_open_nothing_and_the_right_one_once(lane: SystemLane):
    lane.write_config(handheld=CONFIGURED)
    await lane.start_controller()
    async with terminal_of(lane) as terminal:
        officer = terminal.terminal
        challenge = await held(lane, terminal)
        good = officer.confirmation(challenge, "open", "looked")
        authority = load_private_key(lane.folder / "keys" / f"authority-{AUTHORITY}.key.pem")
        elsewhere = replace(good, lane="lane-2")
        terminal.send(LANE, officer.sign(elsewhere))
        terminal.send(LANE, officer.sign(replace(good, nonce="0" * 32)))
        terminal.send(LANE, officer.sign(replace(good, challenge_hash="0" * 64)))
        terminal.send(LANE, officer.sign(replace(good, boot="0" * 16)))
        terminal.send(LANE, officer.sign(replace(good, drill=True)))
        terminal.send(LANE, seal_confirmation(good, authority))
        terminal.send(LANE, seal_confirmation(replace(good, key_id=key_id_of(authority.public_key())), authority))
        terminal.send(LANE, officer.sign(good)[:-8])
        terminal.send(LANE, officer.sign(good), retain=True)
        await lane.until(lambda: len(lane.of("confirmation_ignored")) >= 5 and len(lane.ignored) >= 3)
        assert lane.plant.raise_count == 0
        # A broker that delivers a retained answer to a lane that listens does not say that it was retained.
        if lane.state["phase"] == "held":
            terminal.send(LANE, officer.sign(good))
        await lane.until(lambda: lane.plant.raise_count == 1)
        for _ in range(5):
            terminal.send(LANE, officer.sign(good))
        await lane.gone()
        await held(lane, terminal)
        terminal.send(LANE, officer.sign(good))
        await lane.event("confirmation_ignored", reason="wrong_passage")
        assert lane.plant.raise_count == 1
        reasons = {one["reason"] for one in lane.of("confirmation_ignored")}
        await lane.order("refuse")
        # Nothing stays behind at the broker.
        heard = len(lane.ignored)
        terminal.send(LANE, b"", retain=True)
        await lane.until(lambda: len(lane.ignored) > heard)
    assert {"wrong_lane", "wrong_nonce", "wrong_challenge_hash", "wrong_boot", "drill_for_real"} <= reasons
    assert {"confirm_signature_invalid", "confirm_key_role"} <= set(lane.ignored)


async def command(*arguments: str) -> tuple[int, bytes]:
    """Run a module of ours as a technician does."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *arguments, cwd=ROOT, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    async with asyncio.timeout(LIMIT_S):
        output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output


@pytest.mark.hazard("C1", "C2")
async def test_an_officer_opens_with_no_broker_at_all(lane: SystemLane):
    lane.write_config(handheld=CONFIGURED, port=1)
    await lane.start_controller(ready=False)
    await lane.told(phase="idle")
    lane.arrive(noted=False)
    shown = await lane.told(phase="held")
    assert shown["challenge"] is not None
    at = ("edge.cli", "confirm", "--config", str(lane.config), LANE)
    status, challenge = await command(*at)
    assert status == 0
    (lane.folder / "challenge").write_bytes(challenge)
    sign = ("simulators.handheld", str(lane.folder / "challenge"), "--config", str(lane.config), "--officer", "li")
    status, answer = await command(*sign, "--decision", "open", "--reason", "seal_checked")
    assert status == 0
    (lane.folder / "answer").write_bytes(answer)
    status, said = await command(*at, str(lane.folder / "answer"))
    assert (status, lane.plant.raise_count) == (0, 1), said
    status, _ = await command(*at, str(lane.folder / "answer"))
    assert (status, lane.plant.raise_count) == (1, 1)
    await lane.told(phase="idle")
    assert await lane.controller.stop() == 0
    assert proved(lane).terminals == [["MANUAL_PASSED"]]


async def test_the_terminal_signs_no_challenge_but_those_of_its_site(lane: SystemLane):
    (lane.folder / "challenge").write_bytes(b"open")
    sign = ("simulators.handheld", str(lane.folder / "challenge"), "--officer", "li", "--decision", "open")
    assert (await command(*sign, "--config", str(lane.config)))[0] == 1
    assert (await command(*sign, "--config", str(lane.folder / "challenge")))[0] == 78


@pytest.mark.parametrize("failpoint", POINTS)
@pytest.mark.hazard("X1", "I2", "I3", "I9", "C10")
async def test_killed_between_the_answer_and_the_boom(lane: SystemLane, failpoint: str):
    lane.write_config(handheld=CONFIGURED)
    await lane.start_controller(failpoint=failpoint)
    async with terminal_of(lane) as terminal:
        challenge = await held(lane, terminal)
        answer = terminal.terminal.answer(challenge, "open")
        terminal.send(LANE, answer)
        await lane.dies()
        raised = lane.plant.raise_count
        assert raised <= 1

        known = len(terminal.challenges)
        await lane.start_controller(ready=False)
        await lane.event("started", 2)
        terminal.send(LANE, answer)
        await lane.event("confirmation_ignored", reason="wrong_boot")
        assert lane.plant.raise_count == raised
        if raised == 0:
            # The truck that still stands there is held again, and shown anew.
            await lane.until(lambda: len(terminal.challenges) > known and lane.state.get("phase") == "held")
            terminal.send(LANE, terminal.terminal.answer(terminal.challenges[-1], "open"))
            await lane.until(lambda: lane.plant.raise_count == 1)
        await lane.settle()
    assert await lane.controller.stop() == 0
    facts = proved(lane)
    assert len(facts.boots) == 2
    assert lane.plant.raise_count - raised == facts.boots[1].raises == len(facts.boots[1].consumed)
    assert facts.terminals[0] == ["ABORTED_RESTART"]
