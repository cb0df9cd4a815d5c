"""Central operations: reads the outbox, keeps what it read, and acknowledges, sometimes wrongly (I12)."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulators.prove.world import World

_BATCH = 400


class Central:
    """What arrived of one lane's events."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self.stored: dict[int, str] = {}
        self.through = 0

    def read_all(self) -> None:
        """Take over everything, at the end: nothing that happened stays untold."""
        before = -1
        while before != self.through:
            before = self.through
            self.read(after=before)

    def read(self, after: int = 0) -> None:
        """Take over what waits, then say through where it is stored."""
        box = self.world.box
        if box is None or box.dead or self.world.outages.down:
            return
        outbox, lane, swarm = box.journal.outbox, self.world.profile.lane, self.world.swarm
        for row in outbox.pending(lane, after, _BATCH):
            known = self.stored.setdefault(row.seq, row.hash)
            if known != row.hash:
                self.world.judge.blame("I12", f"event {row.seq} came twice and differs")
            if row.seq > self.through + 1:
                self.world.judge.blame("I12", f"event {row.seq} follows {self.through}")
            self.through = max(self.through, row.seq)
            self.world.judge.told(row.data)
        outbox.mark_sent(lane, self.through)
        if swarm.strikes("wrong_ack", 0.5):
            epoch = outbox.epoch + swarm.draw.choice((0, 0, -1, 1))
            outbox.acknowledge(lane, epoch, self.through + swarm.draw.choice((-3, 5, 10**6)))
        elif swarm.draw.random() < 0.7:
            outbox.acknowledge(lane, outbox.epoch, self.through)
