"""Trains the shipped models: never imported by the lane, needs the packages of the group `training`."""
