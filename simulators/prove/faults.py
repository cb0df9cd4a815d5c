"""What can go wrong, each named after its row of hazards.md; a seed draws its own subset (swarm testing)."""

from random import Random

NOT_STABLE = "4.3: weight not stable / partly on scale / two vehicles"
FRAUD = "4.3: scale fraud (remote control device, plate swap, water, partial axle)"
DRIVER = "4.3: driver error: out of stop zone, dark, wrong card"
EMPTY = "4.3: empty truck / empty chassis"
SEAL = "3.2: seal id matches, status locked, open count unchanged"
# Fault: row of hazards.md.
ROWS: dict[str, str] = {
    # physical
    "presence_at_close": "P1", "reoccupied": "P2", "tailgate": "P3", "trailer_gap": "P4", "loop_stuck_on": "P5",
    "loop_stuck_off": "P6", "arrival_unseen": "P6", "chatter": "P7", "detector_retuned": "P8", "stuck_down": "P9",
    "stuck_up": "P10", "both_limits": "P11", "broken_off": "P12", "lowered_by_hand": "P13", "raised_uncommanded": "P14",
    "module_dip": "P15", "controller_dip": "P16", "backs_out": "P17", "leaves_early": "P17", "stops": "P18",
    "swap": "P19", "fire": "P20",
    "emergency_stop": "P21", "light_refused": "P22", "lamp_dead": "P22",
    "lamp_stuck": "P22", "slow_boom": "P23", "wrong_way": "P24",
    # devices
    "frozen": "D1", "unread": "D2", "earlier_picture": "D3", "camera_lost": "D4", "misread": "D6",
    "two_plates": "D8", "two_boxes": "D9", "late_box": "D9", "neighbour_tag": "D10", "shared_tag": "D10",
    "stale_tag": "D11", "cloned_tag": "D12",
    "tag_flood": "D13", "modbus_exception": "D20", "reply_lost": "D21", "wrong_unit": "D22",
    "wrong_transaction": "D23", "wrong_echo": "D24", "late_reply": "D25", "twice_replied": "D26",
    "length_lie": "D28", "module_restart": "D29", "wrong_map": "D30", "late_reading": "D32",
    "scale_silent": "D18", "scale_died": "D35",
    # the scale, by the cases of domain.md section 4.3
    "scale_unsteady": NOT_STABLE, "scale_two": NOT_STABLE, "scale_overload": NOT_STABLE, "scale_negative": NOT_STABLE,
    "scale_stuck": FRAUD, "scale_late": FRAUD, "scale_wrong": FRAUD, "scale_tared": FRAUD, "scale_unit": FRAUD,
    # the readers of seals and of drivers' cards, and boxes that no camera sees
    "seal_open": SEAL, "seal_opened": SEAL, "seal_other": SEAL, "seal_missing": SEAL, "seal_neighbour": "D10",
    "seal_stuck": "D11", "seal_late": "D11", "seal_half": "D2", "seal_lost": "D35",
    "card_none": DRIVER, "card_wrong": DRIVER, "card_two": "D8", "card_left": "D11", "card_late": "D11",
    "card_noise": "D14", "card_lost": "D18", "box_covered": EMPTY,
    # communications
    "grant_lost": "C1", "line_cut": "C2", "grant_twice": "C4", "reordered": "C5", "retained": "C6",
    "late_grant": "C7", "wrong_lane": "C8", "other_passage": "C9", "replay": "C10", "clock_skew": "C13",
    "clock_jump": "C14", "paused": "C15", "malformed": "C19", "storm": "C20", "wrong_ack": "C22",
    # the centre out of reach, and what it signed for then
    "centre_cut": "C1", "list_alien": "C8", "list_forged": "S1", "list_lapsed": "S2", "list_old": "S12",
    "list_withheld": "S13", "time_unvouched": "C13", "clock_unset": "X19",
    # process and storage
    "killed": "X1", "power_cut": "X2", "disk_full": "X3", "disk_error": "X4",
    # security
    "confirm_replayed": "C10", "confirm_altered": "S2",
    "report_lost": "C1", "report_late": "C7", "report_replayed": "C10", "report_altered": "S2",
    "key_rotated": "O4", "key_expires": "O4", "key_revoked": "S20", "keys_frozen": "S13", "keys_rolled_back": "S12",
    "forged": "S1", "wrong_claim": "S2", "bad_json": "S3", "oversize": "S7", "revoked_key": "S20",
    "mode_ordered": "S23", "arrivals_flood": "S24",
}  # fmt: skip

# Rows that a fault shows beside its own: the wall clock that jumps is set, or is what the calendar makes of it.
BESIDE = {"clock_jump": "O3", "clock_unset": "O3"}
# The controller died while an output of the barrier was on: the module's lease drops it.
LEASE = "D31"
# A line that is noisy loses parts of what is sent, and flips bits of it.
PARTS, CHECKS = "D15", "D16"
DRAWN = frozenset((*ROWS.values(), *BESIDE.values(), LEASE, PARTS, CHECKS))


class Swarm:
    """The faults of one history. `struck` holds the rows that really happened."""

    def __init__(self, active: frozenset[str], draw: Random) -> None:
        self.active = active
        self.struck: set[str] = set()
        self.draw = draw

    def strikes(self, fault: str, chance: float) -> bool:
        """Say whether the fault happens now."""
        if fault not in self.active or self.draw.random() >= chance:
            return False
        self.struck.add(ROWS[fault])
        if fault in BESIDE:
            self.struck.add(BESIDE[fault])
        return True
