"""Cameras over HTTP: a snapshot address that is polled, or an MJPEG stream (`driver.HttpCamera`)."""
