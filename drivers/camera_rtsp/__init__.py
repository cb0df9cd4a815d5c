"""Cameras over RTSP: an H.264 stream over TCP (`driver.RtspCamera`)."""
