"""The worker's way to a camera: a connection, over HTTPS one whose other end has proved who it is. Blocking."""

import hashlib
import hmac
import socket
import ssl
from contextlib import ExitStack
from dataclasses import dataclass

from drivers.kit.camera.address import CameraAddress
from drivers.kit.camera.pipe import ProblemMessage

_OF_CLOCK = "renew the camera's certificate; check the clock of this machine"
_OF_NAME = "write into url the name or address that the certificate has, or give certificate_sha256 in place of ca_file"
_OF_SIGNER = "put into ca_file the certificate of who signed it, or give certificate_sha256 in its place"
# X509_V_ERR_ of OpenSSL's x509_vfy.h: not yet valid, expired, and the names.
_NEXT_STEPS = {9: _OF_CLOCK, 10: _OF_CLOCK, 62: _OF_NAME, 64: _OF_NAME}


class SourceError(Exception):
    """The camera did not give what was asked; `message` says why in the words of a device error."""

    def __init__(self, code: str, expected: str, got: str, next_step: str) -> None:
        super().__init__(code)
        self.message = ProblemMessage(code, expected, got, next_step)


def unreachable(expected: str, got: Exception | str, wait_s: float) -> SourceError:
    """The error of a camera from which nothing, or no more, comes."""
    said = say(got) if isinstance(got, Exception) else got
    next_step = "check power, cable and address of the camera"
    return SourceError("camera_unreachable", f"{expected} within {wait_s:g} s", said, next_step)


def say(error: Exception) -> str:
    """An exception in a few words."""
    return f"{type(error).__name__}: {error}"[:200]


@dataclass(frozen=True, slots=True)
class Trust:
    """How a camera over HTTPS is known: one of the two.

    `ca_file`: PEM of who signed its certificate, or that certificate itself; host name and dates count.
    `certificate_sha256`: 64 hex digits, the digest of exactly its certificate; neither name nor dates count.
    """

    ca_file: str | None = None
    certificate_sha256: str | None = None

    def check(self, address: CameraAddress) -> None:
        """Raises ValueError where an address over HTTPS has not exactly one, or one over HTTP has any."""
        given = [one for one in (self.ca_file, self.certificate_sha256) if one is not None]
        if len(given) != int(address.secured):
            raise ValueError("expected one of ca_file and certificate_sha256 with https, none with http")


class Dialler:
    """Connects to one camera. Certificates are read at the first connection."""

    def __init__(self, address: CameraAddress, trust: Trust, wait_s: float) -> None:
        """`wait_s` bounds connecting, and the handshake once more. Raises ValueError as `Trust.check`."""
        trust.check(address)
        self.address, self._trust, self._wait_s = address, trust, wait_s
        self._context: ssl.SSLContext | None = None

    def dial(self) -> socket.socket:
        """A connection over which the camera may be told a password. Raises SourceError.

        Codes: `camera_unreachable`, `camera_tls_failed`, `camera_not_trusted`, `camera_trust_unreadable`.
        """
        if self.address.secured and self._context is None:
            self._context = self._new_context()
        try:
            connection = socket.create_connection((self.address.host, self.address.port), self._wait_s)
        except OSError as error:
            raise unreachable("a connection", error, self._wait_s) from error
        if self._context is None:
            return connection
        with ExitStack() as failed:
            failed.callback(connection.close)
            secured = self._shake_hands(connection, self._context)
            failed.callback(secured.close)
            self._compare(secured)
            failed.pop_all()
        return secured

    def _new_context(self) -> ssl.SSLContext:
        if self._trust.ca_file is None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE  # `_compare` knows the certificate itself
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            return context
        try:
            context = ssl.create_default_context(cafile=self._trust.ca_file)
        except OSError as error:
            raise SourceError(
                "camera_trust_unreadable",
                f"certificates in {self._trust.ca_file}",
                say(error),
                "check that the file is PEM and that the service may read it",
            ) from error
        # Alike in every Python: 3.13 refuses what small authorities and cameras write, and knows leaves as roots.
        context.verify_flags = (context.verify_flags & ~ssl.VERIFY_X509_STRICT) | ssl.VERIFY_X509_PARTIAL_CHAIN
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context

    def _shake_hands(self, connection: socket.socket, context: ssl.SSLContext) -> ssl.SSLSocket:
        try:
            return context.wrap_socket(connection, server_hostname=self.address.host)
        except ssl.SSLCertVerificationError as error:
            raise SourceError(
                "camera_not_trusted",
                f"a certificate for {self.address.host} by {self._trust.ca_file}",
                error.verify_message,
                _NEXT_STEPS.get(error.verify_code, _OF_SIGNER),
            ) from error
        except (ssl.SSLError, ValueError) as error:  # ValueError: a host that no certificate can name
            next_step = "check that the port is the camera's HTTPS port, and that it speaks TLS 1.2 or newer"
            raise SourceError("camera_tls_failed", "a TLS handshake", say(error), next_step) from error
        except OSError as error:
            raise unreachable("a TLS handshake", error, self._wait_s) from error

    def _compare(self, secured: ssl.SSLSocket) -> None:
        if self._trust.certificate_sha256 is None:
            return
        # A TLS server always shows one; without, the digest is that of nothing.
        shown = hashlib.sha256(secured.getpeercert(binary_form=True) or b"").hexdigest()
        if not hmac.compare_digest(shown, self._trust.certificate_sha256):
            raise SourceError(
                "camera_not_trusted",
                f"the certificate with SHA-256 {self._trust.certificate_sha256}",
                f"one with {shown}",
                "find out who answers; if the camera has a new certificate, write its digest into certificate_sha256",
            )
