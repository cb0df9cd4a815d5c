"""Readers of drivers' cards and printed codes that send what they read as one line of text."""
