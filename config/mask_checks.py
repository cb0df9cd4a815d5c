"""Whether the areas that a camera leaves out of recognition leave it enough to look at."""

from collections.abc import Iterator

from config.devices import Camera
from config.document import PathKey
from config.problems import Bilingual, Finding
from edge.core.masks import Mask, share_left

# A strip as high as a plate across the whole picture; less is a slip of a sign, or of a decimal point.
LEAST_LEFT = 0.05
# 0.3 - 0.25 is a little less than 0.05; no picture has so many pixels that this hides one more.
ROUNDING = 1e-9


def mask_findings(camera: Camera, path: PathKey) -> Iterator[Finding]:
    """Yield `duplicate_value` for an area that is named twice and `masks_hide_all` where hardly anything is left."""
    seen: set[Mask] = set()
    for index, one in enumerate(camera.masks):
        if one.area in seen:
            expected = Bilingual("不重复的值", "a value used only once")
            yield Finding((*path, "masks", index), "duplicate_value", one.words, expected)
        seen.add(one.area)
    left = share_left([one.area for one in camera.masks])
    if left < LEAST_LEFT - ROUNDING:
        percent, least = f"{100 * left:.1f}", round(100 * LEAST_LEFT)
        expected = Bilingual(
            f"至少留下画面的 {least}%(现为 {percent}%)", f"areas that leave {least} % of the picture (now {percent} %)"
        )
        yield Finding((*path, "masks"), "masks_hide_all", "; ".join(one.words for one in camera.masks), expected)
