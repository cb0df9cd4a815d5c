"""One folder per device protocol: wire.py (pure bytes <-> values), driver.py, quality.yaml, README."""
