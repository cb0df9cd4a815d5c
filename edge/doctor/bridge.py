"""The customs bridge of a site, where this box holds the key that it signs with."""

import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

from config.schema import Configuration
from edge.app import environment_of
from edge.clearance.keys import KeyFileError, key_id_of, load_private_key
from edge.clearance.keyset import KeysetError
from edge.clearance.trust import Trust
from edge.doctor.finding import Finding
from edge.doctor.wires import reach

HERE = "customs_bridge"


async def look_at_bridge(configuration: Configuration, seen: Path, now_utc: datetime) -> list[Finding]:
    """Return what would keep the bridge from answering; `seen` is a folder for the versions that it looks at.

    The platform is dialled only while no bridge runs here: it may bear one connection.
    """
    bridge = configuration.customs_bridge
    if bridge is None:
        return []
    path = configuration.keys_dir / f"authority-{bridge.authority}.key.pem"
    try:
        if not path.exists():
            return [Finding("OK", "bridge_elsewhere", HERE, {"file": path})]
        key_id = key_id_of(load_private_key(path).public_key())
        environment = environment_of(configuration.lanes[0])
        trust = Trust(configuration.keys_dir, seen, environment=environment, utc=lambda: now_utc)
    except (KeyFileError, KeysetError, OSError) as error:
        return [Finding("FAIL", "bridge_key_refused", HERE, {"file": path, "cause": error})]
    key = trust.current().keys.get(key_id)
    if key is None or key.status == "revoked" or not key.not_before <= now_utc < key.not_after:
        found = Finding("FAIL", "bridge_key_foreign", HERE, {"file": path})
    else:
        found = Finding("OK", "bridge_key_good", HERE, {"days": (key.not_after - now_utc).days})
    book = configuration.state_dir / f"bridge-{bridge.authority}" / "bridge.sqlite"
    return [found, _running(book) or await reach(HERE, bridge.host, bridge.port)]


def _running(book: Path) -> Finding | None:
    """Say that a bridge holds its book, which lets nobody else read then, or that the book is none; None otherwise."""
    try:
        with closing(sqlite3.connect(f"{book.absolute().as_uri()}?mode=ro", uri=True, timeout=0)) as reading:
            reading.execute("SELECT 1 FROM asked LIMIT 1")
    except sqlite3.OperationalError as error:
        # There is none yet, or it is not for this user: the platform says more.
        return Finding("OK", "bridge_running", HERE, {"file": book}) if "locked" in str(error) else None
    except sqlite3.DatabaseError as error:
        return Finding("FAIL", "bridge_book_damaged", HERE, {"file": book, "cause": error})
    return None
