"""The customs front-end protocol, and the authority that asks a customs platform by it (JGS/T 14 field practice)."""
