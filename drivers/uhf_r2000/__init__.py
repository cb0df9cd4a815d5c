"""UHF readers of the R2000/Indy family that speak `A0` frames on a serial line."""
