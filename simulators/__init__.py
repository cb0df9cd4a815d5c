"""A world with trucks, one simulator per device on its real wire, the clearance service, the demo."""
