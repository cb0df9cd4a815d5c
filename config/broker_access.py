"""Who may publish and read which topics at the broker: the outer wall around signed grants (hazards.md 4.1).

One identity for each connection (docs/decisions/0020), so an identity is also its client id. Other identities have
a dot in their name, which no id of a site may have: nobody can choose an id that becomes another's name.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from config.clients import CLIENT, client_id, for_client
from config.schema import Configuration, Lane

OPERATIONS, CONSOLE = "central.ops", "central.console"


@dataclass(slots=True)
class Access:
    """What one identity may do: topics, or filters with `+`. `retains` may also be published with retain."""

    writes: set[str] = field(default_factory=set)
    retains: set[str] = field(default_factory=set)
    reads: set[str] = field(default_factory=set)

    def add(self, *, writes: Iterable[str] = (), retains: Iterable[str] = (), reads: Iterable[str] = ()) -> None:
        """Allow more."""
        self.writes.update(writes)
        self.retains.update(retains)
        self.reads.update(reads)


def authority_identity(authority: str) -> str:
    """Return the common name of an authority's certificate."""
    return f"authority.{authority}"


def clerk_identity(authority: str) -> str:
    """Return the common name of the clerk who plays this authority in a drill."""
    return f"clerk.{authority}"


def handheld_identity(authority: str) -> str:
    """Return the common name of the gateway that carries the handheld terminals of an authority."""
    return f"handheld.{authority}"


def access_of(configurations: Sequence[Configuration]) -> dict[str, Access]:
    """Return what each identity may do, for all boxes of one broker, in the order of their names.

    What is not here is refused. A user name without `{client}` is shared by the lanes of its box and gets what all
    of them need; with a client certificate the client id is the identity.
    """
    found: dict[str, Access] = {}
    for config in configurations:
        for lane in config.lanes:
            _lane(found, config, lane)
        for authority in config.authorities:
            everywhere = f"gate/v1/{config.site}/+"
            _authority(found.setdefault(authority_identity(authority.id), Access()), everywhere, authority.id)
            _clerk(found.setdefault(clerk_identity(authority.id), Access()), everywhere, authority.id)
    shown = [f"gate/v1/+/+/{name}" for name in ("availability", "state", "health", "alarm/+", "event/+")]
    found[OPERATIONS] = Access(writes={"gate/v1/+/+/ack"}, reads={*shown, "gate/v1/+/+/event/#"})
    found[CONSOLE] = Access(reads=set(shown))
    return dict(sorted(found.items()))


def identity_of(config: Configuration, client: str) -> str:
    """Return the user name that the broker sees for a client id of the box."""
    if config.broker.username is None or (config.broker.tls is not None and config.broker.tls.cert_file is not None):
        return client
    return for_client(config.broker.username, client)


def shares_a_certificate(config: Configuration) -> bool:
    """Say whether one certificate serves several connections: they would end each other at the broker."""
    tls = config.broker.tls
    return tls is not None and tls.cert_file is not None and CLIENT not in str(tls.cert_file)


def _lane(found: dict[str, Access], config: Configuration, lane: Lane) -> None:
    root = f"gate/v1/{config.site}/{lane.id}"
    authorities = [one.id for one in config.authorities]
    asking = identity_of(config, client_id(config.site, lane.id, "clearance"))
    for kind in ("clearance", "drill"):
        found.setdefault(asking, Access()).add(
            writes=[f"{root}/{kind}/{one}/request" for one in authorities],
            reads=[f"{root}/{kind}/{one}/{word}" for one in authorities for word in ("grant", "result")],
        )
    for word, given in (("list", lane.limited_offline), ("sampling", lane.sampling)):
        if given is not None:
            topic = f"{root}/clearance/{given.authority}/{word}"
            found[asking].add(reads=[topic])
            found.setdefault(authority_identity(given.authority), Access()).add(writes=[topic], retains=[topic])
    if lane.handheld is not None:
        for kind in ("clearance", "drill"):
            channel = f"{root}/{kind}/{lane.handheld.authority}/confirm"
            found[asking].add(writes=[f"{channel}/request"], reads=[f"{channel}/answer"])
            found.setdefault(handheld_identity(lane.handheld.authority), Access()).add(
                writes=[f"{channel}/answer"], reads=[f"{channel}/request"]
            )
    telling = identity_of(config, client_id(config.site, lane.id, "telemetry"))
    found.setdefault(telling, Access()).add(
        writes=[f"{root}/event/+", *(f"{root}/passage/{one}" for one in authorities)],
        retains=[f"{root}/{name}" for name in ("availability", "state", "health", "alarm/+")],
        reads=[f"{root}/ack", f"{root}/alarm/+"],
    )


def _authority(access: Access, lanes: str, authority: str) -> None:
    access.add(
        writes=[f"{lanes}/clearance/{authority}/{word}" for word in ("grant", "result")],
        reads=[
            f"{lanes}/clearance/{authority}/request",
            f"{lanes}/passage/{authority}",
            f"{lanes}/availability",
            f"{lanes}/state",
        ],
    )


def _clerk(access: Access, lanes: str, authority: str) -> None:
    access.add(
        writes=[f"{lanes}/drill/{authority}/{word}" for word in ("grant", "result")],
        reads=[f"{lanes}/drill/{authority}/request"],
    )
