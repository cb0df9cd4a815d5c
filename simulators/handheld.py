"""A handheld terminal (移动查验终端): reads a lane's challenge, shows what it says, signs its officer's answer.

    kakou confirm in-1 | python -m simulators.handheld --officer chen --decision open --reason seal_checked > answer
    kakou confirm in-1 answer

No network is needed for that; `NetworkTerminal` does the same over MQTT. `kakou keys --officer chen` makes the key.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from config.loader import load
from edge.clearance.confirm_desk import answer_topic, challenge_topic
from edge.clearance.confirmation import ConfirmError, challenge_hash, open_challenge, seal_confirmation
from edge.clearance.key_types import PrivateKey
from edge.clearance.keys import key_id_of, load_private_key, load_public_key
from edge.clearance.keyset import Keyset, open_keyset
from edge.core.confirmation import CONFIRM_DECISIONS, Confirmation, ConfirmDecision
from edge.mqtt import Message, MqttLink, MqttSettings
from edge.times import rfc3339
from simulators.clearance import Sequences

EXIT_REFUSED = 1
EXIT_CONFIG = 78
_SHOWN = ("lane", "passage", "reasons", "pictures", "ttl_ms", "simulated", "drill")


class Terminal:
    """One officer's terminal at one site. Sequence numbers go on in `sequence_file`, where one is given."""

    def __init__(
        self,
        officer: str,
        *,
        key: PrivateKey,
        keyset: Keyset,
        site: str,
        utc: Callable[[], datetime],
        sequence_file: Path | None = None,
    ) -> None:
        self.officer = officer
        self._key = key
        self._keyset = keyset
        self._site = site
        self._utc = utc
        self._sequences = Sequences(sequence_file)

    def read(self, challenge: bytes) -> dict[str, Any]:
        """Return what a challenge says; raises ConfirmError where no lane of this site signed it."""
        return open_challenge(challenge, keyset=self._keyset, site=self._site, now_utc=self._utc())

    def confirmation(self, challenge: bytes, decision: ConfirmDecision, reason: str) -> Confirmation:
        """Return the officer's answer to a challenge, not yet signed. Raises ConfirmError, OSError."""
        asked = self.read(challenge)
        return Confirmation(
            officer=self.officer,
            key_id=key_id_of(self._key.public_key()),
            site=asked["site"],
            lane=asked["lane"],
            boot=asked["boot"],
            passage=asked["passage"],
            nonce=asked["nonce"],
            challenge_hash=challenge_hash(challenge),
            decision=decision,
            reason=reason,
            ttl_ms=asked["ttl_ms"],
            issued_at=rfc3339(self._utc()),
            sequence=self._sequences.following(asked["lane"]),
            drill=asked["drill"],
        )

    def sign(self, answer: Confirmation) -> bytes:
        """Return an answer as it is handed to the lane."""
        return seal_confirmation(answer, self._key)

    def answer(self, challenge: bytes, decision: ConfirmDecision, reason: str = "looked_at_it") -> bytes:
        """Return the signed answer to a challenge."""
        return self.sign(self.confirmation(challenge, decision, reason))


class NetworkTerminal:
    """A terminal over MQTT, for the lanes of its site and one authority, as long as `link` runs.

    `challenges` are what was heard, newest last; `on_challenge` hears of each.
    """

    def __init__(
        self,
        settings: MqttSettings,
        terminal: Terminal,
        *,
        site: str,
        authority: str,
        drill: bool = False,
        on_challenge: Callable[[bytes], None] | None = None,
    ) -> None:
        self.terminal = terminal
        self.challenges: list[bytes] = []
        self.on_challenge = on_challenge
        self.link = MqttLink(settings)
        self._site, self._authority, self._drill = site, authority, drill
        self.link.subscribe(challenge_topic(site, "+", authority, drill=drill), self._hear)

    def send(self, lane: str, answer: bytes, *, retain: bool = False) -> None:
        """Hand in an answer."""
        self.link.publish(answer_topic(self._site, lane, self._authority, drill=self._drill), answer, retain=retain)

    def _hear(self, message: Message) -> None:
        self.challenges.append(message.payload)
        if self.on_challenge is not None:
            self.on_challenge(message.payload)


def main(given: Sequence[str] | None = None) -> int:
    """Sign one answer to the challenge of a file, or of standard input; 0, 1 where it is none of this site, 78."""
    parser = argparse.ArgumentParser("python -m simulators.handheld", description=__doc__)
    parser.add_argument("challenge", nargs="?", type=Path, help="file with the challenge (default: standard input)")
    parser.add_argument("--config", type=Path, default=Path("kakou.yaml"), help="names the site and its keys")
    parser.add_argument("--officer", required=True)
    parser.add_argument("--decision", choices=CONFIRM_DECISIONS, required=True)
    parser.add_argument("--reason", default="looked_at_it", help="a code of a-z, 0-9 and _")
    options = parser.parse_args(given)
    configuration = load(options.config)
    if isinstance(configuration, list):
        sys.stderr.write("".join(f"{problem}\n" for problem in configuration))
        return EXIT_CONFIG
    keys, now = configuration.keys_dir, datetime.now(UTC)
    root = load_public_key(keys / "root.pub.pem")
    simulated = any(lane.simulated for lane in configuration.lanes)
    terminal = Terminal(
        options.officer,
        key=load_private_key(keys / f"officer-{options.officer}.key.pem"),
        keyset=open_keyset(
            (keys / "keyset.jws").read_bytes(),
            root_key_id=key_id_of(root),
            root=root,
            environment="simulated" if simulated else "production",
            now_utc=now,
        ),
        site=configuration.site,
        utc=lambda: datetime.now(UTC),
        sequence_file=keys / f"officer-{options.officer}.sequence.json",
    )
    raw = sys.stdin.buffer.read() if options.challenge is None else options.challenge.read_bytes()
    try:
        shown = terminal.read(raw.strip())
        answer = terminal.answer(raw.strip(), options.decision, options.reason)
    except ConfirmError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_REFUSED
    sys.stderr.write(json.dumps({name: shown[name] for name in _SHOWN}, ensure_ascii=False) + "\n")
    sys.stdout.write(answer.decode() + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
