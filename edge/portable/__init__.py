"""What a technician's Windows laptop does otherwise than a lane box: event loop, processes, the control endpoint.

What depends on the system asks for `POSIX`, or for the very thing that it needs. docs/decisions/0064 tells what was
shown where.
"""

import os

# Signals to other processes, file modes, folders that can be synced: Windows has none of them, and no `fork`.
POSIX = hasattr(os, "fork")
