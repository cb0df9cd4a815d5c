"""What a technician's Windows laptop does otherwise than a lane box: event loop, processes, the control endpoint.

Nothing else in the product asks which system this is but by `POSIX`. docs/decisions/0064 tells what was shown, and where.
"""

import os

# Signals to other processes, file modes, folders that can be synced: Windows has none of them, and no `fork`.
POSIX = hasattr(os, "fork")
