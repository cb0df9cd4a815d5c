"""The capture process: `python -m drivers.camera_dahua.worker`."""

from drivers.camera_dahua.wire import parse_event
from drivers.kit.camera.listening import listener
from drivers.kit.camera.worker import main

events = listener(parse_event, "lines of keys and values", heartbeats_tell_time=False)

if __name__ == "__main__":
    main(events)
