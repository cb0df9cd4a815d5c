"""What drivers share and what a driver promises. It knows no driver; every driver may use it."""
