"""Where to begin painting for a range, so that its first frame is painted as in the full run."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from vidstyle.core.images import resize
from vidstyle.core.options import Options
from vidstyle.painting.methods import find_method
from vidstyle.temporal.shots import cut_detector
from vidstyle.video import Source


@dataclass(frozen=True)
class Start:
    """Where painting begins."""

    frame: int
    """Index of the first frame painted."""
    reason: str = ""
    """Why painting begins there, in a sentence; empty if no preroll is needed."""


def find_start(source: Source, first: int, options: Options, size: tuple[int, int], device: str,
               keys: Collection[int] = ()) -> Start:
    """Where painting begins for a range from frame `first` on. size: width and height painted. keys: indices of the painted
    key frames.

    That is the last cut or painted key frame before the range, if one lies within the preroll: a painting does not depend on
    what lies before either, so the range is then exactly a slice of the full run.
    """
    method = find_method(options.method)
    if first == 0 or options.strength == 0:
        return Start(first)
    if not method.references(options):
        return Start(first, "No preroll: every frame is painted on its own (--temporal 0), exactly as in the full run.")
    most = method.preroll(options) if options.preroll is None else options.preroll
    begin = max(0, first - most)
    is_cut, cut, key = cut_detector(), None, None
    if max(method.references(options)) == 1:  # a frame that follows older ones too would need those
        key = max((index for index in keys if begin <= index <= first), default=None)
    last = None
    for frame in source.decode(max(0, begin - 1) if key is None else key, first):
        small = replace(frame, image=resize(frame.image.to(device).clamp(0, 1), (size[1], size[0])))
        if last is not None and is_cut(last, small):
            cut = frame.index
        last = small
    where = f"from frame {source.clip.number(begin if cut is None else cut)}"
    exact = "the range is painted exactly as in the full run."
    if cut is None and key is not None:
        if key == first:
            return Start(first, "No preroll: the first frame is a painted key frame, so " + exact)
        return Start(key, f"Preroll from frame {source.clip.number(key)}, a painted key frame: {exact}")
    if cut is not None:
        return Start(cut, f"Preroll {where}, where a shot begins: {exact}")
    if begin == 0:
        return Start(0, f"Preroll {where}, where the clip begins: {exact}")
    length = "1 frame" if most == 1 else f"{most} frames"
    return Start(begin, f"Preroll of {length}, {where}: no shot begins there, so the range may differ a little from the "
                        "full run; a longer --preroll, back to a cut, is exact.")
