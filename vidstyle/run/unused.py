"""Find the options that have no effect with the others or on this clip, so that each is refused or named in a warning."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from vidstyle.core.choices import WITHOUT_CRF
from vidstyle.core.errors import UsageError
from vidstyle.core.options import Options
from vidstyle.painting.methods import find_method, method_options, unused_options, way_to_use

if TYPE_CHECKING:  # the rooms of video load torch, and a wrong option is reported before
    from vidstyle.video import Source

_FOLLOWING = {"references", "follow_steps", "follow_init", "passes"}
"""Options of a painting that follows others."""


_OF_KEYS = frozenset({"temporal", "key_every", "strokes", "seed", "boil", "refresh"})
"""Options of a method that hold for painted key frames too."""


def refuse_unused(given: Collection[str], options: Options) -> None:
    """Raise UsageError for those of the `given` options (names) that need others; the sentence names what they need."""
    if "crf" in given and options.codec in WITHOUT_CRF:
        raise UsageError(f"crf is given and {options.codec} has no such scale of quality; leave crf out.")
    if options.strength != 0 and not _used_as_made(options) and (found := list(_missing(given, options))):
        raise UsageError(" ".join(_sentence(names, reason) for names, reason in found))


def check_refresh(options: Options, rate: float) -> None:
    """Raise UsageError where one key frame would renew more than `SHARE` of the paint; rate: frames per second."""
    from vidstyle.temporal.intervals import LONGEST, LONGEST_GIVEN
    from vidstyle.temporal.refresh import SHARE

    longest = options.key_every or (LONGEST_GIVEN if options.has_keys else LONGEST)
    if options.refresh is not None and longest / rate > SHARE * options.refresh:
        most = int(SHARE * options.refresh * rate)
        closer = f", or --key-every {most}" if most else ""
        raise UsageError(f"--refresh is {options.refresh:g} seconds and key frames are up to {longest / rate:.3g} apart: "
                         f"one would renew more than half of the paint; give --refresh {longest / rate / SHARE:.3g} or "
                         f"more{closer}.")


def check_direction(options: Options) -> None:
    """Raise UsageError where strokes are to lie along a motion that no one estimates."""
    if options.stroke_direction == "motion" and options.temporal == 0 and options.strength != 0:
        raise UsageError("--stroke-direction motion needs the motion, and with --temporal 0 every frame is painted on its own; "
                         "give --temporal 1, or --stroke-direction edges.")


def without_effect(given: Collection[str], options: Options, source: Source, frames: tuple[int, int], *,
                   all_keyed: bool = False, styled: bool = True, regions: bool = False,
                   sequences: bool = False) -> tuple[str, ...]:
    """One sentence for each group of the `given` options (names) that change nothing in this run.

    all_keyed: every shot has painted key frames. styled: a style is given. regions: regions have styles of their own.
    sequences: a control reads a sequence, which may have gaps.
    """
    groups = list(_unused(set(given) - ({"gaps"} if sequences else set()), options, source, frames))
    if all_keyed and find_method(options.method).by_key_frames(options):
        of_style = find_method(options.method).uses(options) - _OF_KEYS | ({"color"} if options.color == "match" else set())
        groups.append((sorted(set() if regions else set(given) & of_style) + ["style"] * styled,
                       "every shot that is painted has painted key frames"))
    return tuple(_sentence(names, reason) for names, reason in groups if names)


def _unused(given: set[str], options: Options, source: Source, frames: tuple[int, int]) -> Iterator[tuple[list[str], str]]:
    if options.strength == 0:
        painting = method_options() | {"method", "size", "color", "flow", "preroll", "matte", "key", "keys"}
        yield sorted(given & painting), "with --strength 0 the source is written and nothing is painted"
        return
    if _used_as_made(options):
        yield unused_options(options, given), f"the network {options.network} is used as it was made"
    else:
        yield from _missing(given, options)
    if options.temporal == 0:
        following = given & _FOLLOWING & find_method(options.method).uses(options)
        yield sorted(following), "with --temporal 0 every frame is painted on its own"
    if "preroll" in given:
        if frames[0] == 0:
            yield ["preroll"], "the range begins with the clip's first frame"
        elif options.temporal == 0:
            yield ["preroll"], "with --temporal 0 every frame is painted on its own"
    if "crf" in given and options.codec in WITHOUT_CRF:
        yield ["crf"], f"{options.codec} has no such scale of quality"
    if not source.images:
        without = {"gaps"} if source.clip.coding.bare else {"fps", "gaps"}
        yield sorted(given & without), "a movie keeps its own times and has no missing files"
    else:
        yield sorted(given & {"deinterlace"}), "the images of a sequence are whole frames"


def _used_as_made(options: Options) -> bool:
    """Whether the network of `--network` exists, so that the options of a fit have no effect."""
    uses_network = "network" in find_method(options.method).uses(options)
    return uses_network and options.network is not None and os.path.exists(options.network)


def _missing(given: Collection[str], options: Options) -> Iterator[tuple[list[str], str]]:
    """The `given` options that the method does not use with the others, and what to give with them."""
    groups: dict[str, list[str]] = {}
    for name in unused_options(options, given):
        way = way_to_use(name, options) or {}
        groups.setdefault(" ".join(f"{_listed([key])} {value}" for key, value in way.items()), []).append(name)
    for needed, names in groups.items():
        them = "it" if len(names) == 1 else "them"
        yield names, f"give {needed} too, or leave {them} out" if needed else f"--method {options.method} does not use {them}"


def _sentence(names: list[str], reason: str) -> str:
    return f"{_listed(names)} {'has' if len(names) == 1 else 'have'} no effect: {reason}."


def _listed(names: list[str]) -> str:
    return ", ".join(f"--{name.replace('_', '-')}" for name in names)
