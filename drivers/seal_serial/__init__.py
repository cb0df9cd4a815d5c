"""Readers of electronic seals on a line, asked in Kakou's own frames."""
