"""UHF modules of the M100 family (M100, QM100, YRM) that speak `BB .. 7E` frames."""
