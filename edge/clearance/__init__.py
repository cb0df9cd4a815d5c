"""Trusted clearance: signed requests out, signed grants in (hazards.md, section 4)."""
