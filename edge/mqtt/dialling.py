"""Open the TCP (and TLS) connection to a broker without ever blocking the event loop.

paho would resolve, connect and shake hands in blocking calls; here each step can be cancelled and timed.
"""

import asyncio
import contextlib
import socket
import ssl

from edge.mqtt.values import MqttDown, MqttSettings, TlsSettings


def tune(sock: socket.socket) -> None:
    """Send small packets at once: Nagle and delayed acknowledgement cost 44 ms each (platform.md, MQTT)."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    quick_acknowledge(sock)


def quick_acknowledge(sock: socket.socket) -> None:
    """Acknowledge what was read at once. Linux forgets this by itself, so it is set again after each read."""
    if hasattr(socket, "TCP_QUICKACK"):
        # The peer may be gone already: the next read says so.
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


async def dial(settings: MqttSettings) -> socket.socket:
    """Return a connected, non-blocking socket, TLS done where asked for; raises MqttDown with its cause."""
    try:
        async with asyncio.timeout(settings.connect_timeout_s):
            sock = await _connect_any(settings)
            if settings.tls is None:
                return sock
            return await _shake_hands(sock, settings, settings.tls)
    except TimeoutError as late:
        raise MqttDown(
            "connect_timeout", address=settings.address, detail=f"no connection in {settings.connect_timeout_s} s"
        ) from late


async def _connect_any(settings: MqttSettings) -> socket.socket:
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as unknown:
        raise MqttDown("dns_failed", address=settings.address, detail=str(unknown)) from unknown
    failure: OSError | None = None
    for family, kind, protocol, _, address in found:
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setblocking(False)
            tune(sock)
            await loop.sock_connect(sock, address)
        except OSError as error:
            sock.close()
            failure = error
        except asyncio.CancelledError:
            sock.close()
            raise
        else:
            return sock
    code = "connect_refused" if isinstance(failure, ConnectionRefusedError) else "connect_failed"
    raise MqttDown(code, address=settings.address, detail=str(failure)) from failure


def tls_context(tls: TlsSettings) -> ssl.SSLContext:
    """Return a client context that checks chain and host name; raises OSError or ssl.SSLError for bad files."""
    context = ssl.create_default_context(cafile=str(tls.ca_file) if tls.ca_file else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if tls.certificate_file is not None:
        context.load_cert_chain(str(tls.certificate_file), str(tls.key_file) if tls.key_file else None)
    if tls.crl_file is not None:
        context.load_verify_locations(cafile=str(tls.crl_file))
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    return context


async def _shake_hands(sock: socket.socket, settings: MqttSettings, tls: TlsSettings) -> ssl.SSLSocket:
    secured: socket.socket = sock
    try:
        secured = tls_context(tls).wrap_socket(sock, server_hostname=settings.host, do_handshake_on_connect=False)
        assert isinstance(secured, ssl.SSLSocket)
        while True:
            try:
                secured.do_handshake()
            except ssl.SSLWantReadError:
                await _ready(secured, writing=False)
            except ssl.SSLWantWriteError:
                await _ready(secured, writing=True)
            else:
                return secured
    except OSError as error:  # ssl.SSLError and certificate errors are OSErrors
        secured.close()
        raise MqttDown("tls_failed", address=settings.address, detail=str(error)) from error
    except asyncio.CancelledError:
        secured.close()
        raise


async def _ready(sock: socket.socket, *, writing: bool) -> None:
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    watch, unwatch = (loop.add_writer, loop.remove_writer) if writing else (loop.add_reader, loop.remove_reader)

    def note() -> None:
        if not ready.done():
            ready.set_result(None)

    watch(sock, note)
    try:
        await ready
    finally:
        unwatch(sock)
