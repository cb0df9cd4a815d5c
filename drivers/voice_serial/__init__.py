"""Voice modules with numbered phrases over a serial line, in Kakou's own frames."""
