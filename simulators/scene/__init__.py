"""Renders what cameras of a lane would see. Imports nothing of ours."""
