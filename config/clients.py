"""The names under which a box speaks to its broker: one client id for each connection of each lane."""

from pathlib import Path
from typing import Literal, TypeVar

from config.schema import Configuration

Connection = Literal["clearance", "telemetry"]
CONNECTIONS: tuple[Connection, ...] = ("clearance", "telemetry")
# In `broker.username`, `password_file`, `tls.cert_file` and `tls.key_file` it stands for the client id.
CLIENT = "{client}"

_Value = TypeVar("_Value", str, Path)


def client_id(site: str, lane: str, connection: Connection) -> str:
    """Return the client id of one connection; also the common name of its certificate. Unique within a site."""
    return f"{site}-{lane}-{connection}"


def client_ids(config: Configuration) -> list[str]:
    """Return every client id of the box, lane by lane."""
    return [client_id(config.site, lane.id, connection) for lane in config.lanes for connection in CONNECTIONS]


def for_client(value: _Value, client: str) -> _Value:
    """Return a name or a path with `{client}` replaced by a client id."""
    if isinstance(value, str):
        return value.replace(CLIENT, client)
    return Path(str(value).replace(CLIENT, client))
