"""Deterministic campaigns: the real lane on simulated time, network, disk, devices and people (`kakou prove`)."""
