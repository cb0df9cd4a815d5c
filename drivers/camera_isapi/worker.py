"""The capture process: `python -m drivers.camera_isapi.worker`."""

from drivers.camera_isapi.wire import parse_alert
from drivers.kit.camera.listening import listener
from drivers.kit.camera.worker import main

events = listener(parse_alert, "alerts in XML")

if __name__ == "__main__":
    main(events)
