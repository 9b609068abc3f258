"""The methods of painting by name; a new one is a folder beside these and a line in `METHODS`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from vidstyle.core.errors import UsageError
from vidstyle.core.options import Options
from vidstyle.painting.feedforward.method import FeedForwardMethod
from vidstyle.painting.job import Painter, PaintingJob
from vidstyle.painting.optimize.method import OptimizeMethod
from vidstyle.painting.palette_method import PaletteMethod

if TYPE_CHECKING:
    from vidstyle.painting.style_picture import StylePicture


class Method(Protocol):
    """One method of painting. Its module imports torch only inside functions, so that `vidstyle --help` starts fast."""

    @property
    def name(self) -> str:
        """Its name for `--method`."""

    @property
    def summary(self) -> str:
        """What it does, as the end of a sentence in the help."""

    def uses(self, options: Options) -> frozenset[str]:
        """Names of the options that the method itself reads; those that a run reads for every method are left out."""

    def by_key_frames(self, options: Options) -> bool:
        """Whether key frames are painted and carried; else every frame is painted."""

    def references(self, options: Options) -> tuple[int, ...]:
        """Distances in frames to the earlier paintings that a painting follows, nearest first; empty with `temporal` 0."""

    def preroll(self, options: Options) -> int:
        """How many frames before a range are painted and discarded, where `Options.preroll` is None."""

    def check(self, options: Options, styles: Iterable[StylePicture]) -> None:
        """Raise UsageError or InputError, before any work, if `build` would fail with these options and styles."""

    def build(self, job: PaintingJob) -> Painter:
        """Build the stylizer for the frames of a clip; a fit happens here."""


METHODS: dict[str, Method] = {method.name: method for method in (
    FeedForwardMethod(),
    OptimizeMethod(),
    PaletteMethod(),
)}  # fmt: skip

_WAYS: tuple[dict[str, Any], ...] = ({}, {"color": "match"}, {"passes": 1}, {"forms": 0.5}, {"strokes": 1}, {"temporal": 1},
                                     {"key_every": 1, "strokes": 0}, {"strokes": 1, "temporal": 1},
                                     {"key_every": 1, "strokes": 0, "forms": 1})
"""Options that make a method use others, the fewest first; see `way_to_use`."""


def find_method(name: str) -> Method:
    """The method called `name`. Raises UsageError for an unknown name."""
    if name not in METHODS:
        raise UsageError(f"method is {name!r}; choose one of {', '.join(METHODS)}.")
    return METHODS[name]


def method_options() -> frozenset[str]:
    """Names of the options that at least one method reads."""
    return frozenset().union(*(method.uses(Options(method=name, **way)) for name, method in METHODS.items() for way in _WAYS))


def unused_options(options: Options, given: Iterable[str]) -> list[str]:
    """Those of the `given` options that only other methods use, or that this method does not use with the others given."""
    return sorted((set(given) & method_options()) - find_method(options.method).uses(options))


def way_to_use(name: str, options: Options) -> dict[str, Any] | None:
    """What to change in `options` so that the option `name` has an effect: values by option, the fewest; None: nothing does."""
    for method in dict.fromkeys([options.method, *METHODS]):
        for way in _WAYS:
            changes = way if method == options.method else {"method": method, **way}
            if name in find_method(method).uses(replace(options, **changes)):
                return changes
    return None
