"""What Python finds first in the processes that the drivers of a hurried scenario start."""
