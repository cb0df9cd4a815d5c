"""What can be wrong with a journal, by stable codes, and what SQLite, Python and the system say of it."""

import sqlite3
from pathlib import Path

# What reading a damaged file can end with: Python cannot even read what SQLite says of a name that is no text.
UNREADABLE = (sqlite3.Error, UnicodeError)


class JournalError(Exception):
    """The journal cannot hold or give records. `code` is stable, `path` the file, the text says what to do.

    Codes: journal_locked, journal_newer_schema, journal_read_only, journal_full, journal_io_error,
    journal_corrupt, journal_failed, journal_closed, journal_bad_record, journal_not_durable.
    """

    def __init__(self, code: str, path: Path, detail: str, next_step: str) -> None:
        super().__init__(f"{code}: journal {path}: {detail}; next: {next_step}")
        self.code = code
        self.path = path
        self.detail = detail
        self.next_step = next_step


def translated(error: Exception, path: Path) -> JournalError:
    """Return the named error for what SQLite or the system said."""
    name = "SQLITE_CORRUPT" if is_no_text(error) else getattr(error, "sqlite_errorname", "") or ""
    known = (
        ("SQLITE_FULL", "journal_full", "free disk space, then restart the service"),
        ("SQLITE_READONLY", "journal_read_only", "make the state directory writable, then restart the service"),
        ("SQLITE_CANTOPEN", "journal_read_only", "make the state directory exist and be writable, then restart"),
        ("SQLITE_IOERR", "journal_io_error", "check the disk (kernel log), then restart the service"),
        ("SQLITE_CORRUPT", "journal_corrupt", "restart: the file is put aside and a new one begun"),
        ("SQLITE_NOTADB", "journal_corrupt", "restart: the file is put aside and a new one begun"),
    )
    for prefix, code, next_step in known:
        if name.startswith(prefix):
            return JournalError(code, path, f"{said(error)} ({name})", next_step)
    return JournalError("journal_failed", path, f"{error!r} {name}".strip(), "restart the service")


def is_no_text(error: Exception) -> bool:
    """Say whether bytes of the file are no UTF-8 where text has to be: of a column, Python's own module says so."""
    of_module = isinstance(error, sqlite3.OperationalError) and not hasattr(error, "sqlite_errorname")
    return of_module or isinstance(error, UnicodeError)


def said(error: Exception) -> str:
    """Return what it says; of what is no text nothing is repeated, since a body may stand in it."""
    return "text that is not UTF-8" if is_no_text(error) else str(error)
