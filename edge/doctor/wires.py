"""The ways out of the box: broker, barrier, cameras, serial lines. Asked directly while no service holds them."""

import asyncio
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from config.clients import client_ids
from config.devices import ContainerEngine
from config.schema import Configuration, Lane
from edge.broker_settings import mqtt_settings
from edge.doctor.box import group_of, user_name
from edge.doctor.finding import Finding
from edge.mqtt import MqttDown
from edge.mqtt.dialling import dial
from edge.runtime.control import ControlError, ask

ANSWER_TIMEOUT_S = 3.0
_DEFAULT_PORTS = {"http": 80, "https": 443, "rtsp": 554}


async def look_at_wires(configuration: Configuration) -> list[Finding]:
    """Return what is found; where the service runs its own view of its devices is told instead."""
    broker = asyncio.create_task(_broker(configuration))
    try:
        status = await ask(configuration.control_socket_path, {"verb": "status"})
    except ControlError:
        found = [Finding("OK", "service_not_running", str(configuration.control_socket_path))]
        found += await asyncio.gather(*(one for lane in configuration.lanes for one in _devices(lane)))
    else:
        found = [Finding("OK", "service_running", str(configuration.control_socket_path))]
        found += [one for lane in status["lanes"] for one in _as_seen(lane)]
    return [await broker, *found]


async def _broker(configuration: Configuration) -> Finding:
    """Open the connection and shut it again. No MQTT is spoken: the client id of a lane would end its session."""
    try:
        settings = mqtt_settings(configuration, client_ids(configuration)[0])
    except OSError as error:
        return Finding("FAIL", "broker_password_unreadable", str(error.filename), {"cause": error.strerror})
    try:
        (await dial(settings)).close()
    except MqttDown as down:
        return Finding("FAIL", f"broker_{down.code}", settings.address, {"cause": down.detail})
    return Finding("OK", "broker_reached", settings.address, {"secured": "TLS" if settings.tls else "TCP"})


def _as_seen(lane: dict[str, Any]) -> Iterator[Finding]:
    for name, device in lane["devices"].items():
        subject = f"{lane['lane']}/{name}"
        if device["state"] == "up":
            yield Finding("OK", "device_up", subject)
        else:
            yield Finding("FAIL", "device_down", subject, {"state": device["state"], "cause": device.get("cause", "")})


def _devices(lane: Lane) -> Iterator[Any]:
    name = f"{lane.id}/{lane.barrier.id}"
    if lane.barrier.transport == "rtu":
        yield asyncio.to_thread(serial_finding, name, Path(lane.barrier.serial_port or ""))
    else:
        yield reach(name, lane.barrier.host or "", lane.barrier.port)
    for _, camera in lane.every_camera:
        url = urlsplit(camera.url)
        ask = listenable if camera.pushes else reach
        yield ask(f"{lane.id}/{camera.id}", str(url.hostname), url.port or _DEFAULT_PORTS[url.scheme])
    for _, reader in lane.over_http:
        url = urlsplit(reader.url or "")
        ask = listenable if isinstance(reader, ContainerEngine) and reader.pushes else reach
        yield ask(f"{lane.id}/{reader.id}", str(url.hostname), url.port or _DEFAULT_PORTS[url.scheme])
    for _, device in lane.every_line:
        name, port = f"{lane.id}/{device.id}", device.port
        if port.startswith("socket://"):
            url = urlsplit(port)
            yield reach(name, str(url.hostname), url.port or 0)
        else:
            yield asyncio.to_thread(serial_finding, name, Path(port))


async def reach(name: str, host: str, port: int) -> Finding:
    """Open a TCP connection to a device and shut it again."""
    address = f"{host}:{port}"
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            _, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        return Finding("FAIL", "device_silent", name, {"address": address, "timeout_s": ANSWER_TIMEOUT_S})
    except (OSError, UnicodeError) as error:
        return Finding("FAIL", "device_refused", name, {"address": address, "cause": error})
    writer.close()
    return Finding("OK", "device_reached", name, {"address": address})


async def listenable(name: str, host: str, port: int) -> Finding:
    """Listen for a moment where a device will push to: whether it does, only its pushes tell."""
    address = f"{host}:{port}"
    try:
        server = await asyncio.start_server(lambda _, writer: writer.close(), host, port)
    except (OSError, UnicodeError) as error:
        return Finding("FAIL", "device_port_taken", name, {"address": address, "cause": error})
    server.close()
    return Finding("OK", "device_port_free", name, {"address": address})


def serial_finding(name: str, path: Path) -> Finding:
    """Judge a serial line without opening it: opening resets some devices, and takes bytes from who reads there."""
    fields: dict[str, object] = {"path": path}
    try:
        mode = path.stat().st_mode
    except PermissionError:
        return Finding("FAIL", "serial_denied", name, {**fields, "user": user_name(), "group": "dialout"})
    except OSError:
        return Finding("FAIL", "serial_missing", name, fields)
    if not stat.S_ISCHR(mode):
        return Finding("FAIL", "serial_no_line", name, fields)
    if not os.access(path, os.R_OK | os.W_OK):
        return Finding("FAIL", "serial_denied", name, {**fields, "user": user_name(), "group": group_of(path)})
    return Finding("OK", "serial_there", name, fields)
