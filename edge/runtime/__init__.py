"""The shell around the core: clock, supervisors, journal, outbox, evidence, lane runner."""
