"""Reading a painted key frame together with the frame that it was painted over."""

from __future__ import annotations

from vidstyle.core.images import read_pixels, resize
from vidstyle.painting.exemplar import Exemplar
from vidstyle.run.plan import Plan
from vidstyle.run.sampling import at_paint_size


def read_exemplar(plan: Plan, index: int) -> Exemplar:
    """The painted key frame `index` of a plan, at the painted size and on its device.

    Where the painting is transparent, nothing is painted: the frame shows through. Raises InputError.
    """
    key = next(key for key in plan.keys if key.index == index)
    [source] = plan.source.decode(index, index, clamp=False)
    frame, pixels = at_paint_size(source, plan).image, read_pixels(key.path).to(plan.device)
    size = (frame.shape[1], frame.shape[2])
    if len(pixels) == 3:
        return Exemplar(frame, resize(pixels, size).contiguous())
    covered = resize(pixels[3:], size)
    return Exemplar(frame, (resize(pixels[:3] * pixels[3:], size) + (1 - covered) * frame).clamp(0, 1))
