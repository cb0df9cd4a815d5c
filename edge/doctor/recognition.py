"""The models that read pictures: whether each is what is registered, and answers as its place in the lane needs it."""

from collections.abc import Iterator

from edge.doctor.finding import Finding
from models.registry import REGISTRY_PATH, registry_path
from models.trials import try_models


def look_at_models() -> Iterator[Finding]:
    """Yield what became of each model of the registry in force, tried in a process that may hang or die."""
    registry = registry_path()
    refused = "model_refused" if registry == REGISTRY_PATH else "own_model_refused"
    for tried in try_models():
        subject = str(registry) if tried.entry is None else tried.entry.name
        if tried.code:
            yield Finding("FAIL", refused, subject, {"cause": tried.cause, "registry": registry})
        elif tried.entry is not None:
            yield Finding("OK", "model_good", subject, {"version": tried.entry.version})
