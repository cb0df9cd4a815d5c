"""LED boards of two lines over a serial line, in Kakou's own frames."""
