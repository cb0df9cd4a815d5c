"""Clearance requests, grant verification and the connection to the authorities."""
