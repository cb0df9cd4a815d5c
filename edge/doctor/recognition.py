"""The models that read pictures: whether each is what is registered, and answers as its place in the lane needs it."""

from collections.abc import Iterator, Sequence

from config.schema import Lane
from edge.doctor.finding import Finding
from models.registry import REGISTRY_PATH, registry_path
from models.trials import try_models

_VEHICLE, _VEHICLE_DETECTOR = "vehicle", "vehicle_detector"


def look_at_models(lanes: Sequence[Lane] = ()) -> Iterator[Finding]:
    """Yield what became of each model of the registry in force, tried in a process that may hang or die.

    And which cameras of `lanes` ask for a model that it need not name, and does not.
    """
    registry = registry_path()
    refused = "model_refused" if registry == REGISTRY_PATH else "own_model_refused"
    named = set()
    for tried in try_models():
        named.add("" if tried.entry is None else tried.entry.name)
        subject = str(registry) if tried.entry is None else tried.entry.name
        if tried.code:
            yield Finding("FAIL", refused, subject, {"cause": tried.cause, "registry": registry})
        elif tried.entry is not None:
            yield Finding("OK", "model_good", subject, {"version": tried.entry.version})
    if _VEHICLE_DETECTOR in named or "" in named:
        return
    for lane in lanes:
        for camera in lane.cameras:
            if _VEHICLE in camera.reads:
                yield Finding("WARN", "vehicle_detector_missing", f"{lane.id} {camera.id}", {"registry": registry})
