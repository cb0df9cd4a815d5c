"""Scenarios: a file says what happens at one lane and what must come of it; the real controller runs it."""
