"""A method of painting that needs no network: the negative of the frame."""

from __future__ import annotations

from collections.abc import Iterable

from vidstyle.core.options import Options
from vidstyle.painting.job import Painter, PaintingJob
from vidstyle.painting.style_picture import StylePicture


class Negative:
    """A method of painting: the negative of the frame."""

    name, summary = "negative", "turns every frame to its negative"

    def uses(self, options: Options) -> frozenset[str]:
        return frozenset()

    def by_key_frames(self, options: Options) -> bool:
        return False

    def references(self, options: Options) -> tuple[int, ...]:
        return ()

    def preroll(self, options: Options) -> int:
        return 0

    def check(self, options: Options, styles: Iterable[StylePicture]) -> None:
        pass

    def build(self, job: PaintingJob) -> Painter:
        return Painter(lambda frame, priors: 1 - frame.image, {})
