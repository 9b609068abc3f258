"""Paint every frame of a clip on its own, then again backward and forward in turn (Ruder et al. 2016, section 3.5)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from vidstyle.core.frame import Frame, Memory, Prior
from vidstyle.core.interfaces import CutDetector, FlowEstimator, Repainter, Stylizer
from vidstyle.temporal.carry import from_bytes, to_bytes
from vidstyle.temporal.loop import Painted, carry, correspond

BLOCK = 24
"""Frames of a window that are final once it is painted; block k of a clip begins at frame k · BLOCK."""
OVERLAP = 8
"""Frames after a block, at most, that are painted with it and discarded: paint comes back from them to the block's end."""
BLEND = 0.5
"""δ in `blended`. Ruder's program gives the neighbour and the frame's own last painting the same weight."""


def paint_in_passes(frames: Iterable[Frame], stylize: Stylizer, repaint: Repainter, estimate_flow: FlowEstimator,
                    is_cut: CutDetector, *, passes: int, references: Sequence[int] = (1,), memories: Sequence[Memory] = (),
                    shrink: Callable[[Frame], Frame] = lambda frame: frame) -> Iterator[Painted]:
    """Paint each frame `passes` times: on its own in the first pass, then backward and forward in turn.

    Painted once, with the last painting as prior, a clip has trails: what comes into view is painted within the steps of one
    frame, and every later frame follows that half-finished paint. Here the first pass paints it as fully as the rest.

    In a later pass a frame begins with its painting of the pass before, `blended` with its neighbour's of this pass, and
    follows the `references` in the direction that the pass comes from. The paper leaves the temporal loss out of several
    passes; with it from the second pass on, as here, three passes are enough. The clip is painted in windows: a block of BLOCK
    frames, and up to OVERLAP after it, within one shot. The blocks belong to the clip, not to the range that is asked for. The
    last pass is forward, so that a window follows the one before: passes is odd.

    frames: read twice, each time from the beginning: once at the painted size for the windows, and again so that none waits
    at its full size. Held in memory are a window's frames and paintings, as bytes, and the references before it.

    `Painted.memories` are those before the frame's window, then that of the frame itself, without its image. With them as
    `memories`, and with frames from the window's first one on, this goes on after the frame as if it had never stopped: the
    window is painted anew, and frames up to that one are not yielded. Raises ValueError if `passes` is even or below 3, or if
    `frames` is an iterator.
    """
    if passes < 3 or passes % 2 == 0:
        raise ValueError(f"{passes} passes: the number must be odd, 3 or more")
    sources = iter(frames)
    if sources is frames:
        raise ValueError("frames that are read twice cannot be an iterator")
    references = sorted(set(references))
    before, done = tuple(memories[:-1]), memories[-1].frame.index if memories else -1
    alone: dict[int, Tensor] = {}
    for window in find_windows(frames, is_cut, shrink, before[-1].frame if before else None):
        shot = () if window.starts_shot else before
        work = _Work(window, shot, references, estimate_flow)
        alone = work.paint_alone(stylize, alone)
        for number in range(2, passes):
            backward = number % 2 == 0
            for place in (reversed if backward else iter)(range(len(window.frames))):
                work.repaint(place, repaint, backward=backward)
        for place in range(window.final):
            painting = work.repaint(place, repaint, backward=False)
            frame = window.frames[place]
            if frame.index > done:
                source = next(source for source in sources if source.index == frame.index)
                yield Painted(source, (*before, Memory(replace(frame, image=painting.new_empty(0)), painting)))
        finished = [*shot, *(work.memory(place) for place in range(window.final))]
        before = tuple(finished[-max(references, default=1):])


def blended(own: Tensor, prior: Prior | None) -> Tensor:
    """What a pass begins with: δ c ∘ ω + (δ̄ 1 + δ c̄) ∘ x, with δ̄ = 1 − δ and c̄ = 1 − c (Ruder et al. 2016, section 3.5).

    own: x, (3, H, W), the frame's painting of the pass before. prior: ω and c, the neighbour's painting of this pass, warped
    onto the frame, and its visibility; None where the shot or the window ends.
    """
    if prior is None:
        return own
    taken = BLEND * prior.visibility
    return taken * prior.image + (1 - taken) * own


@dataclass(frozen=True)
class Window:
    """Frames of one shot that are painted together."""

    frames: list[Frame]
    """At the painted size, their images (3, H, W) uint8."""
    final: int
    """How many of them, from the first, are the block; the others are the overlap."""
    starts_shot: bool
    """Whether the first frame is the first of a shot."""


def find_windows(frames: Iterable[Frame], is_cut: CutDetector, shrink: Callable[[Frame], Frame],
                 last: Frame | None) -> Iterator[Window]:
    """The windows of a clip in order; last: the frame before, at the painted size and rounded to bytes, None at the start."""
    waiting, cuts, first = list[Frame](), list[bool](), last is None

    def window(*, ended: bool) -> Window | None:
        """The window of the frames that wait; None while frames of it may be missing."""
        if not waiting:
            return None
        block = waiting[0].index // BLOCK
        after_cut = next((place for place in range(1, len(waiting)) if cuts[place]), len(waiting))
        final = next((place for place in range(after_cut) if waiting[place].index // BLOCK != block), after_cut)
        end = min(final + OVERLAP, after_cut)
        if end < len(waiting) or end - final == OVERLAP or ended:
            return Window(waiting[:end], final, cuts[0])
        return None

    def pop(*, ended: bool) -> Iterator[Window]:
        while (found := window(ended=ended)) is not None:
            del waiting[:found.final], cuts[:found.final]
            yield found

    for source in frames:
        small = shrink(source)
        frame = replace(small, image=to_bytes(small.image), alpha=None, original=None)
        # Cuts and motion are found in the rounded image, as after a stop, when nothing else is left.
        seen = replace(frame, image=from_bytes(frame.image))
        waiting.append(frame)
        cuts.append(first or (last is not None and is_cut(last, seen)))
        first, last = False, seen
        yield from pop(ended=False)
    yield from pop(ended=True)


class _Work:
    """A window while it is painted."""

    def __init__(self, window: Window, shot: Sequence[Memory], references: Sequence[int], estimate_flow: FlowEstimator) -> None:
        """shot: the memories of the frames before the window that belong to its shot, nearest last."""
        self.window, self.shot, self.references, self.estimate_flow = window, shot, references, estimate_flow
        self.paintings: dict[int, Tensor] = {}
        """The last painting of each place in the window, (3, H, W) uint8."""

    def memory(self, place: int) -> Memory:
        """The frame at a place of the window and its last painting; places below 0 lie before the window."""
        if place < 0:
            return self.shot[place]
        frame = self.window.frames[place]
        return Memory(replace(frame, image=from_bytes(frame.image)), from_bytes(self.paintings[place]))

    def paint_alone(self, stylize: Stylizer, painted: Mapping[int, Tensor]) -> dict[int, Tensor]:
        """The first pass. painted, and what is returned: by index the paintings of an overlap, of the window before and of this
        one, so that they are not painted again."""
        for place, frame in enumerate(self.window.frames):
            if frame.index in painted:
                self.paintings[place] = painted[frame.index]
            else:
                self.paintings[place] = to_bytes(stylize(replace(frame, image=from_bytes(frame.image)), ()))
        return {self.window.frames[place].index: self.paintings[place]
                for place in range(self.window.final, len(self.window.frames))}

    def repaint(self, place: int, repaint: Repainter, *, backward: bool) -> Tensor:
        """A later pass over the frame at a place of the window; returns the painting."""
        image = self.window.frames[place]
        frame = replace(image, image=from_bytes(image.image))
        places = [place + j if backward else place - j for j in self.references]
        # Motion is estimated again in every pass: that takes a small part of the time, and keeping it most of the memory.
        priors = [carry(memory.painting, correspond(memory.frame, frame, self.estimate_flow))
                  for memory in (self.memory(j) for j in places if -len(self.shot) <= j < len(self.window.frames))]
        start = blended(from_bytes(self.paintings[place]), priors[0] if priors else None)
        self.paintings[place] = to_bytes(repaint(frame, start, priors))
        return from_bytes(self.paintings[place])
