"""`python -m simulators.bench_idle NAME`: how late this machine wakes a process that does nothing else.

What the control loop is late beside it on a shared machine is not the product's: the two are measured at the same time.
"""

import asyncio
import json
import sys

from edge.runtime.loop_lag import LoopLag


async def _sample() -> dict[str, float | int]:
    lag = LoopLag()
    lag.start()
    await asyncio.to_thread(sys.stdin.buffer.read)
    lag.close()
    return lag.figures()


def main() -> int:
    """Sample until standard input closes, then print the figures of the last minute as JSON."""
    sys.stdout.write(json.dumps(asyncio.run(_sample())) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
