"""The configuration of a lane as the core reads it: plain values, built once per start."""

from dataclasses import replace
from datetime import timedelta

from config import calendar as configured
from config.devices import Camera
from config.schema import Configuration, Lane, Shadows
from edge.core.cargo import EmptyWeights
from edge.core.hours import Calendar, Window
from edge.core.masks import Mask
from edge.core.profile import (
    AuthorityProfile,
    CameraProfile,
    HandheldRules,
    LaneProfile,
    LaneTiming,
    OfflineRules,
    SamplingRules,
)


def lane_profile(configuration: Configuration, lane: Lane) -> LaneProfile:
    """Return what the core needs to know of a lane."""
    cameras = tuple(
        CameraProfile(one.id, one.place, one.reads, one.frames_needed, one.frames_max, core_masks(one))
        for one in lane.cameras
    )
    reader = lane.tag_reader
    return LaneProfile(
        site=configuration.site,
        lane=lane.id,
        direction=lane.direction,
        authorities=tuple(AuthorityProfile(one.id, one.deadline_ms) for one in configuration.authorities),
        cameras=cameras,
        tag_reader=None if reader is None else reader.id,
        tag_min_reads=1 if reader is None else reader.min_reads,
        tag_antennas=() if reader is None else reader.antennas,
        tag_min_rssi_dbm=None if reader is None else reader.min_rssi_dbm,
        tag_dwell_ms=0 if reader is None else reader.dwell_ms,
        recaptures=lane.recaptures,
        must_match=lane.must_match,
        join=configuration.join,
        quorum=configuration.quorum_of or 1,
        timing=LaneTiming(**lane.timing.model_dump()),
        exit_loop=lane.barrier.map.signals.exit_loop is not None,
        simulated=lane.simulated,
        calendar=lane.calendar is not None,
        two_persons=lane.two_persons,
        second_person_ms=lane.second_person_ms,
        supplement_opens=lane.supplement_opens,
        drill_moves_boom=lane.drill_moves_boom,
        offline=_offline_rules(lane),
        traffic=lane.traffic,
        handheld=_handheld_rules(lane),
        sampling=None if lane.sampling is None else SamplingRules(lane.sampling.authority, lane.sampling.without_plan),
        guides=True,
        weighbridge=None if lane.weighbridge is None else lane.weighbridge.id,
        empty_weights=_empty_weights(lane),
        scale_beams=lane.weighbridge is not None and lane.barrier.map.signals.scale_rear_beam is not None,
        driver_identity=None if lane.driver_identity is None else lane.driver_identity.id,
        seal_reader=None if lane.seal_reader is None else lane.seal_reader.id,
        container_engine=None if lane.container_engine is None else lane.container_engine.id,
        engine_min_confidence=0.0 if lane.container_engine is None else lane.container_engine.min_confidence,
    )


def shadow_profile(configuration: Configuration, lane: Lane, shadow: Shadows) -> LaneProfile:
    """Return the profile of a lane that had the devices in the shadow of `lane`, and no others.

    The beams at a scale are the barrier's inputs: a shadow has none.
    """
    own = {"cameras": shadow.cameras, "tag_reader": shadow.tag_reader, "weighbridge": shadow.weighbridge}
    own |= {"driver_identity": None, "seal_reader": None, "container_engine": None}
    return replace(lane_profile(configuration, lane.model_copy(update=own)), scale_beams=False)


def _empty_weights(lane: Lane) -> EmptyWeights | None:
    given = None if lane.weighbridge is None else lane.weighbridge.empty_weights
    return None if given is None else EmptyWeights(**given.model_dump())


def _offline_rules(lane: Lane) -> OfflineRules | None:
    given = lane.limited_offline
    return None if given is None else OfflineRules(given.authority, given.outage_s * 1000, given.most_passes)


def _handheld_rules(lane: Lane) -> HandheldRules | None:
    given = lane.handheld
    return None if given is None else HandheldRules(given.authority, given.answer_s * 1000)


def core_masks(camera: Camera) -> tuple[Mask, ...]:
    """Return what is left out of the pictures of a camera as plain values."""
    return tuple(one.area for one in camera.masks)


def core_calendar(given: configured.Calendar) -> Calendar:
    """Return the calendar of the configuration as plain values."""
    week = tuple(_windows(getattr(given.week, day)) for day in type(given.week).model_fields)
    return Calendar(week, tuple((_date(one.date), _windows(one.windows)) for one in given.exceptions))


def utc_offset(given: configured.Calendar) -> timedelta:
    """Return how far the calendar's local time is from UTC."""
    return configured.offset_of(given.utc_offset)


def _windows(texts: tuple[str, ...]) -> tuple[Window, ...]:
    return tuple(Window(*configured.window_minutes(text)) for text in texts)


def _date(text: str) -> tuple[int, int, int]:
    year, month, day = text.split("-")
    return int(year), int(month), int(day)
