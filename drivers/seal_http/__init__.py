"""Readers of electronic seals that are asked over HTTP."""
