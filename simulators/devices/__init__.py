"""Device simulators: each speaks its device's real wire on a real port or pty."""
