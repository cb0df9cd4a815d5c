"""Which sightings of tags count for a passage, and a tag that another lane of the box sees as well (D10, D12)."""

from edge.core.profile import LaneProfile
from edge.core.readings import TagSighting
from edge.core.state import LaneState, TagTally

# More tags than one vehicle has: a pallet, a fault, or an attack (D13).
MOST_TAGS = 16
# A tag that two lanes saw within this time is nobody's.
TOGETHER_MS = 5_000
TAG_IN_TWO_LANES = "tag_in_two_lanes"


def counts(profile: LaneProfile, sighting: TagSighting) -> bool:
    """Say whether a sighting may be of the vehicle in this lane: an own antenna, near enough.

    Where a minimum is asked for, a sighting whose strength the reader does not tell is too weak.
    """
    if profile.tag_antennas and sighting.antenna not in profile.tag_antennas:
        return False
    least = profile.tag_min_rssi_dbm
    return least is None or (sighting.rssi_dbm is not None and sighting.rssi_dbm >= least)


def enough(profile: LaneProfile, tally: TagTally) -> bool:
    """Say whether a tag was seen often and long enough to be believed."""
    return tally.reads >= profile.tag_min_reads and tally.last_ms - tally.first_ms >= profile.tag_dwell_ms


def ambiguous(state: LaneState) -> bool:
    """Say whether the tag that the open passage was identified by is seen in another lane too."""
    passage = state.passage
    tag = None if passage is None or passage.identity is None else passage.identity.tag.value
    return passage is not None and tag is not None and tag.epc in passage.shared_tags
