"""The capture process of a camera, started and killed by its driver (`hosted`); each driver's `worker.py` is one.

Standard input carries one JSON line of settings, then one byte per picture that is wanted at once, and `TAKEN` with
its name for each event that the driver has, where it tells that; its end means that the driver is gone, and ends this
process. Standard output carries messages of `pipe`.
"""

import contextlib
import hashlib
import json
import os
import secrets
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import BinaryIO

from drivers.kit.camera.address import parse_url
from drivers.kit.camera.asking import OnHeads
from drivers.kit.camera.dial import Dialler, SourceError, Trust
from drivers.kit.camera.digest import Auth, Authenticator
from drivers.kit.camera.given import Picture
from drivers.kit.camera.pipe import AliveMessage, FrameMessage, HeadMessage, Message, encode
from edge.priority import stand_back

# Faster than any camera here renews its picture: one that floods costs this process its time, and the lanes none.
LEAST_INTERVAL_S = 0.02
TAKEN = b"t"
# Of sysexits(3); `os` has it on POSIX alone.
EXIT_SOFTWARE = 70
# Of the name that follows it (`events.event_name`).
NAME_CHARACTERS = 32
Judge = Callable[[bytes, int], tuple[int, int, str | None]]


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """What the driver tells its worker, as one JSON line. It travels by pipe: a command line is public."""

    url: str
    mode: str
    user: str | None
    password: str = field(repr=False)
    auth: Auth
    ca_file: str | None
    certificate_sha256: str | None
    max_bytes: int
    max_pixels: int
    wait_s: float
    poll_interval_s: float
    silence_s: float | None = None
    late_ms: int = 0
    # Whether the driver wants to hear the heads of questions and answers.
    tell_heads: bool = False
    kept: int = 1
    # Of a camera that pushes: who may, and the file that a push lies in until the driver has it.
    peers: tuple[str, ...] = ()
    spool: str = ""

    def to_line(self) -> bytes:
        """The line as it is written to the worker."""
        return json.dumps(asdict(self)).encode("ascii") + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> "WorkerSettings":
        """Read the line back."""
        told = json.loads(line)
        return cls(**{**told, "peers": tuple(told.get("peers", ()))})


@dataclass(frozen=True, slots=True)
class Who:
    """How one camera is reached and who asks it."""

    dialler: Dialler
    authenticator: Authenticator
    # Who hears the heads of questions and answers.
    on_heads: OnHeads | None = None


class Wishes(threading.Event):
    """What the driver says: it is set where a picture is wanted at once, `on_taken` hears the events that it has."""

    def __init__(self) -> None:
        super().__init__()
        self.on_taken: Callable[[str], object] = lambda _: None


# What a camera gives from now on, until it fails by SourceError.
Gives = Callable[[WorkerSettings, Who, Wishes], Iterator[Picture | AliveMessage]]


Reach = Callable[[WorkerSettings], Who]


def reach_over_http(settings: WorkerSettings) -> Who:
    """Over HTTP or HTTPS, with whatever of digest and basic `digest.Authenticator` admits there."""
    address = parse_url(settings.url)
    authenticator = Authenticator(
        settings.user,
        settings.password,
        settings.auth,
        secured=address.secured,
        new_cnonce=lambda: secrets.token_hex(16),
    )
    return Who(Dialler(address, Trust(settings.ca_file, settings.certificate_sha256), settings.wait_s), authenticator)


class NewestPicture:
    """A slot for one picture: whoever is slower than the camera sees the newest, never a queue of old ones.

    Of events, of which each counts, it takes `most`. Beside them is room for one sign of life of each sort.
    """

    def __init__(self, most: int = 1) -> None:
        self._changed = threading.Condition()
        self._pictures: deque[Picture] = deque(maxlen=most)
        self._alive: dict[AliveMessage, None] = {}
        self._ended = False

    def put(self, given: Picture | AliveMessage) -> None:
        """Replace what is waiting."""
        with self._changed:
            if isinstance(given, AliveMessage):
                self._alive[given] = None
            else:
                self._pictures.append(given)
            self._changed.notify()

    def end(self) -> None:
        """No more will come; what is waiting is still taken."""
        with self._changed:
            self._ended = True
            self._changed.notify()

    def take(self) -> Picture | AliveMessage | None:
        """Wait for the newest picture, or a sign of life; None after the end."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._pictures) or bool(self._alive) or self._ended)
            if self._pictures:
                return self._pictures.popleft()
            alive = next(iter(self._alive), None)
            if alive is not None:
                del self._alive[alive]
            return alive


def to_message(picture: Picture, max_pixels: int, judge: Judge) -> FrameMessage:
    """Judge one picture and wrap it, with the digest of exactly the bytes that came."""
    width, height, defect = 0, 0, picture.fault
    if picture.fault is None:
        width, height, defect = judge(picture.data, max_pixels)
    digest = hashlib.sha256(picture.data).hexdigest()
    times = (picture.begun_at_ms, picture.captured_at_ms)
    return FrameMessage(picture.data, digest, *times, width, height, defect, picture.event, picture.claim)


def fetch(pictures: Iterator[Picture | AliveMessage], newest: NewestPicture) -> SourceError | None:
    """Take pictures as they come until the camera fails, and return why."""
    try:
        for picture in pictures:
            newest.put(picture)
    except SourceError as problem:
        return problem
    finally:
        newest.end()
    return None


def deliver(
    newest: NewestPicture,
    send: Callable[[Message], None],
    max_pixels: int,
    judge: Judge,
    pause: Callable[[float], None] = time.sleep,
) -> None:
    """Judge and send the newest picture until there are no more, at most one per LEAST_INTERVAL_S."""
    while (given := newest.take()) is not None:
        begun_s = time.monotonic()
        send(given if isinstance(given, AliveMessage) else to_message(given, max_pixels, judge))
        pause(max(0.0, LEAST_INTERVAL_S - (time.monotonic() - begun_s)))


def serve(
    settings: WorkerSettings,
    wanted: Wishes,
    send: Callable[[Message], None],
    judge: Judge,
    gives: Gives,
    reach: Reach = reach_over_http,
) -> None:
    """Fetch and deliver until the camera fails; the last message says why."""
    newest = NewestPicture(settings.kept)
    delivery = threading.Thread(target=deliver, args=(newest, send, settings.max_pixels, judge), daemon=True)
    delivery.start()

    def heads(asked: bytes, answered: bytes) -> None:
        send(HeadMessage(asked, answered))

    who = reach(settings)
    if settings.tell_heads:
        who = replace(who, on_heads=heads)
    problem = fetch(gives(settings, who, wanted), newest)
    delivery.join()
    if problem is not None:
        send(problem.message)


def watch_driver(commands: BinaryIO, wanted: Wishes, leave: Callable[[], object]) -> None:
    """Turn bytes of the driver into wishes, and its end into ours: no worker outlives its driver."""
    while said := commands.read(1):
        if said == TAKEN:
            wanted.on_taken(commands.read(NAME_CHARACTERS).decode("ascii", "replace"))
        else:
            wanted.set()
    leave()


def run_worker(
    commands: BinaryIO,
    output: BinaryIO,
    leave: Callable[[], object],
    gives: Gives,
    reach: Reach = reach_over_http,
) -> None:
    """Read the settings, then serve until the camera fails. `leave` is called when the driver ends."""
    settings = WorkerSettings.from_line(commands.readline())
    # Imported late: the driver imports this module for its settings alone, and never the decoder.
    from drivers.kit.camera import picture

    picture.limit_decoder()
    wanted = Wishes()
    threading.Thread(target=watch_driver, args=(commands, wanted, leave), daemon=True).start()

    # Heads come from the thread that asks, pictures from the one that judges.
    turn = threading.Lock()

    def send(message: Message) -> None:
        data = memoryview(encode(message))
        with turn:
            while data:
                data = data[output.write(data) or 0 :]

    serve(settings, wanted, send, picture.judge, gives, reach)


def main(gives: Gives, reach: Reach = reach_over_http) -> None:
    """Be the process until the camera fails, the driver ends, or the driver kills it."""
    stand_back()
    # Whatever a library prints goes to standard error, so that it cannot break the framing.
    output = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    # A thread that fails must not leave the others running with nobody to hear them.
    threading.excepthook = lambda _: os._exit(EXIT_SOFTWARE)
    # os._exit, because the main thread may be inside a system call or the decoder.
    with contextlib.suppress(BrokenPipeError):
        run_worker(sys.stdin.buffer, output, lambda: os._exit(0), gives, reach)
    os._exit(0)
