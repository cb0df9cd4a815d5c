"""Anything on any topic that the lane listens to: it opens nothing, costs nothing, and the lane goes on (I18, C20)."""

import asyncio
import contextlib
import json
import random
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.clearance.authority_link import grant_topic
from edge.mqtt import MAX_PAYLOAD_BYTES, Message, MqttLink
from edge.runtime.control import ask
from tests.support.brokers import BrokerCase
from tests.support.system_lane import AUTHORITY, LANE, SITE, TAG, SystemLane, open_system

ROOT = f"gate/v1/{SITE}/{LANE}"
TOPICS = (grant_topic(SITE, LANE, AUTHORITY), f"{ROOT}/ack", f"{ROOT}/alarm/forged")
MESSAGES = 3_000
MOST_GROWTH_KIB = 8 * 1024
# May carry who stood there: design.md, personal data.
PERSONAL = ("clearance", "passage")


def hostile(chance: random.Random, epoch: int) -> bytes:
    """One payload of a kind that a parser may stumble over."""
    return chance.choice(
        (
            chance.randbytes(chance.randrange(400)),
            b"[" * 7_000 + b"]" * 7_000,
            b'{"a":' * 3_000,
            b'{"epoch":%d,"seq":%d}' % (epoch, chance.randrange(1 << 64)),
            b'{"epoch":%d,"seq":-1}' % epoch,
            b'{"epoch":%d,"seq":1e999}' % (epoch + 1),
            b'{"epoch":"\xed\xa0\x80","seq":NaN}',
            b"eyJhbGciOiJub25lIn0.e30.",
            b"." * 2_000,
            b"9" * MAX_PAYLOAD_BYTES,
        )
    )


def resources(pid: int) -> tuple[int, int]:
    """Resident memory in KiB, and how many descriptors are open."""
    status = Path(f"/proc/{pid}/status").read_text()
    resident = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))
    return int(resident), len(list(Path(f"/proc/{pid}/fd").iterdir()))


def arguments_of(pid: int) -> str:
    """What everybody on the box sees of a process."""
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode()


@contextlib.asynccontextmanager
async def stranger(lane: SystemLane) -> AsyncIterator[MqttLink]:
    """Somebody else at the broker."""
    up = asyncio.Event()
    link = MqttLink(lane.broker.settings("stranger"), on_up=up.set)
    serving = asyncio.create_task(link.run())
    async with asyncio.timeout(10):
        await up.wait()
    yield link
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


@pytest.mark.hazard("C20", "S7", "I18")
async def test_a_flood_of_anything_opens_nothing_and_costs_nothing(tmp_path: Path, broker: BrokerCase):
    async with open_system(tmp_path, broker) as lane:
        controller = await lane.start_controller()
        # The lane is idle before its first event has come by the broker.
        await lane.until(lambda: bool(lane.events))
        epoch = lane.events[0]["epoch"]
        chance = random.Random(7)
        before = resources(controller.process.pid)
        async with stranger(lane) as link:
            for number in range(MESSAGES):
                sent = link.publish(chance.choice(TOPICS), hostile(chance, epoch), qos=0, retain=number % 50 == 0)
                if number % 20 == 0:
                    await asyncio.wait([sent, link.publish(f"{ROOT}/ack", b"x")], return_when=asyncio.ALL_COMPLETED)
            # By the journal: whoever listens at a broker that is flooded may miss the event.
            await lane.until(lambda: "flood" in {one["reason"] for one in lane.facts().named("grant_ignored")})
            for topic in TOPICS:
                await link.publish(topic, b"", retain=True)
        after = resources(controller.process.pid)
        assert after[0] - before[0] < MOST_GROWTH_KIB
        assert after[1] <= before[1]
        assert lane.plant.raise_count == 0
        assert lane.facts().consumed == []
        # Simulators and attacker share this process: the lane may have been blind for a moment.
        await lane.phase("idle")
        lane.arrive()
        # The limit lets an answer through again within two seconds; until then a person decides.
        await lane.settle()
        assert lane.plant.raise_count == len(lane.facts().consumed) <= 1
        assert await controller.stop() == 0
        assert lane.facts().first_broken is None
        lines = controller.log.read_text(encoding="utf-8").splitlines()
        assert [line for line in lines if not line.startswith("{")] == []
        assert not controller.said("Traceback")
        assert len(lines) < MESSAGES / 2


@pytest.mark.hazard("S16", "I19")
async def test_no_tag_and_no_secret_leaves_its_channels(lane: SystemLane):
    """I19: topics, payloads, logs, arguments, status, and the database of central operations."""
    heard: list[Message] = []
    async with stranger(lane) as link, lane.central() as database:
        link.subscribe("#", heard.append)
        controller = await lane.start_controller()
        await lane.pass_one()
        await lane.stored(database)
        arguments = arguments_of(controller.process.pid)
        status = json.dumps(await ask(lane.socket, {"verb": "status"}))
        with contextlib.closing(sqlite3.connect(database)) as reading:
            central = "\n".join(reading.iterdump())
    secret = (lane.folder / "state" / "site.secret").read_bytes().hex()
    log = controller.log.read_text(encoding="utf-8") + (lane.folder / "ops.log").read_text(encoding="utf-8")
    public = [one for one in heard if one.topic.startswith(ROOT) and one.topic.split("/")[4] not in PERSONAL]
    assert {one.topic.split("/")[4] for one in public} >= {"event", "state", "availability", "ack"}
    shown = [one.topic for one in heard] + [one.payload.decode("utf-8", "replace") for one in public]
    for canary in (TAG.lower(), secret):
        # The tag did cross the channels that are for it, or this would prove nothing.
        assert canary == secret or any(canary in one.payload.decode("utf-8", "replace").lower() for one in heard)
        assert not any(canary in text.lower() for text in (*shown, log, arguments, status, central)), canary
