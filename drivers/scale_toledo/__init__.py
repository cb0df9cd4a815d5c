"""Weighing indicators with Toledo continuous output."""
