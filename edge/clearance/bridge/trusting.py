"""Which servers the bridge believes: those that one CA signed."""

import ssl
from pathlib import Path


def server_tls(ca_file: Path) -> ssl.SSLContext:
    """Return what trusts a server signed by this CA alone. Raises OSError, which names the file."""
    try:
        tls = ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        # Python's own error does not tell which file it is.
        raise OSError(f"{ca_file}: expected certificates in PEM form, got {error}") from error
    tls.minimum_version = ssl.TLSVersion.TLSv1_2
    return tls
