"""Find the options that have no effect with the other options or on this clip, so that each is named in a warning."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from vidstyle.core.options import Options
from vidstyle.painting.methods import find_method, method_options, unused_options
from vidstyle.video import Source


def without_effect(given: Collection[str], options: Options, source: Source, frames: tuple[int, int]) -> tuple[str, ...]:
    """One sentence for each group of the `given` options (names) that change nothing in this run."""
    return tuple(f"{_listed(names)} {'has' if len(names) == 1 else 'have'} no effect: {reason}."
                 for names, reason in _unused(set(given), options, source, frames) if names)


def _unused(given: set[str], options: Options, source: Source, frames: tuple[int, int]) -> Iterator[tuple[list[str], str]]:
    if options.strength == 0:
        painting = method_options() | {"method", "size", "color", "flow", "preroll"}
        yield sorted(given & painting), "with --strength 0 the source is written and nothing is painted"
        return
    uses_network = "network" in find_method(options.method).uses(options)
    used_as_made = uses_network and options.network is not None and options.network.exists()
    unused = unused_options(options, given)
    them = "it" if len(unused) == 1 else "them"
    yield unused, (f"the network {options.network} is used as it was made" if used_as_made
                   else f"--method {options.method} does not use {them}")
    if "preroll" in given:
        if frames[0] == 0:
            yield ["preroll"], "the range begins with the clip's first frame"
        elif options.temporal == 0:
            yield ["preroll"], "with --temporal 0 every frame is painted on its own"
    if not source.images:
        yield sorted(given & {"fps", "gaps"}), "a movie keeps its own times and has no missing files"


def _listed(names: list[str]) -> str:
    return ", ".join(f"--{name.replace('_', '-')}" for name in names)
