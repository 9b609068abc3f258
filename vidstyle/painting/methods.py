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
    """One way to paint. Its module loads torch only in `check` and `build`, so that names and help come at once."""

    @property
    def name(self) -> str:
        """What `--method` calls it."""

    @property
    def summary(self) -> str:
        """What it does, for the help."""

    def uses(self, options: Options) -> frozenset[str]:
        """Names of the options that its paintings depend on, of those that not every method uses."""

    def references(self, options: Options) -> tuple[int, ...]:
        """How many frames back the paintings lie that hold a frame still, nearest first; empty with `temporal` 0."""

    def preroll(self, options: Options) -> int:
        """How many frames before a range are painted and thrown away, where the user names no number."""

    def check(self, options: Options, styles: Iterable[StylePicture]) -> None:
        """Raise UsageError or InputError for what cannot be built, before any work."""

    def build(self, job: PaintingJob) -> Painter:
        """Make what paints the frames of a clip."""


METHODS: dict[str, Method] = {method.name: method for method in (
    FeedForwardMethod(),
    OptimizeMethod(),
)}  # fmt: skip


def find_method(name: str) -> Method:
    """The method called `name`. Raises UsageError for an unknown name."""
    if name not in METHODS:
        raise UsageError(f"method is {name!r}; choose one of {', '.join(METHODS)}.")
    return METHODS[name]


def unused_options(options: Options, given: Iterable[str]) -> list[str]:
    """Those of the `given` options that only other methods use, or that this method does not use with the others given."""
    own, every = find_method(options.method).uses(options), set[str]()
    for method in METHODS.values():
        every |= method.uses(Options(method=method.name))
    return sorted((set(given) & every) - own)
