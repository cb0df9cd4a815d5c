"""Pure decision logic: standard library only, no I/O, no clock, no randomness.

`edge.core.step.step(state, event)` is the whole lane: the same events give the same effects.
"""
