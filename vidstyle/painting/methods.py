"""The methods of painting by name; a new one is a folder beside these and a line in `METHODS`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

from vidstyle.core.errors import UsageError
from vidstyle.core.options import Options
from vidstyle.painting.feedforward.method import FeedForwardMethod
from vidstyle.painting.job import Painter, PaintingJob
from vidstyle.painting.optimize.method import OptimizeMethod

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
)}  # fmt: skip


def find_method(name: str) -> Method:
    """The method called `name`. Raises UsageError for an unknown name."""
    if name not in METHODS:
        raise UsageError(f"method is {name!r}; choose one of {', '.join(METHODS)}.")
    return METHODS[name]


def method_options() -> frozenset[str]:
    """Names of the options that at least one method reads."""
    return frozenset().union(*(method.uses(Options(method=name)) for name, method in METHODS.items()))


def unused_options(options: Options, given: Iterable[str]) -> list[str]:
    """Those of the `given` options that only other methods use, or that this method does not use with the others given."""
    return sorted((set(given) & method_options()) - find_method(options.method).uses(options))
