"""UHF modules of ThingMagic (M5e, M6e) on their serial protocol, `FF` frames."""
