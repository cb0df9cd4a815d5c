"""Barrier, loops, limit switches and lights behind one Modbus TCP module."""
