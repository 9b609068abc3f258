"""`--vary NAME=VALUE,VALUE`: options that take several values, and the variants that these make together."""

from __future__ import annotations

import csv
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import prod
from pathlib import Path

from vidstyle.core.choices import OUTPUT
from vidstyle.core.config import load_options, preset_names, read_stated
from vidstyle.core.curve import Curve
from vidstyle.core.declare import options_of
from vidstyle.core.errors import UsageError
from vidstyle.core.options import Options

MOST = 24
"""Variants at most: more are not told apart on one sheet, and take too long."""
_READ_BY = ("hdr", "deinterlace")
"""Options of the output's panel that change the frames which are painted."""
_OWN = ("style", "preset")  # beside the options
_ACROSS, _MOST_ACROSS = 3, 4
"""Variants in a row: that many, evenly, where all are in one line; and at most, where a row is one value of an option."""


@dataclass(frozen=True)
class Axis:
    """One option and its values, as text of the command line."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Grid:
    """All combinations of the values, in the order in which a sheet shows them, row by row."""

    axes: tuple[Axis, ...]
    """The last one changes fastest."""
    across: int
    """Variants in a row."""

    @property
    def names(self) -> frozenset[str]:
        """What is varied."""
        return frozenset(axis.name for axis in self.axes)

    @property
    def variants(self) -> list[dict[str, str]]:
        """The values of each variant, by name."""
        return [dict(zip([axis.name for axis in self.axes], values, strict=True))
                for values in product(*(axis.values for axis in self.axes))]


def parse_vary(texts: Sequence[str]) -> Grid:
    """The variants of `strength=0.3,0.6` and `style=a.jpg,b.jpg`, one text for each option.

    A value with a comma in it is put in double quotes, as in CSV; several styles, and several items of an option that may be
    given more than once, have semicolons between them, as in a shot list. Of two options, the one with fewer values runs
    across. Raises UsageError for what is wrong, also for a value that the option does not take.
    """
    axes = [_parse(text) for text in texts]
    if len({axis.name for axis in axes}) < len(axes):
        raise UsageError("--vary names an option twice; give all its values at once, as in --vary strength=0.3,0.6.")
    if (number := prod(len(axis.values) for axis in axes)) > MOST:
        raise UsageError(f"--vary asks for {number} variants; give values for at most {MOST}.")
    if len(axes) == 2 and len(axes[0].values) < len(axes[1].values):
        axes.reverse()
    last = len(axes[-1].values)
    in_rows = len(axes) > 1 and 1 < last <= _MOST_ACROSS
    return Grid(tuple(axes), last if in_rows else -(-number // -(-number // _ACROSS)))


def _parse(text: str) -> Axis:
    given, equals, rest = text.partition("=")
    name = given.strip().removeprefix("--").replace("-", "_").lower()
    known = options_of(Options)
    if not equals or not rest.strip():
        raise UsageError(f"--vary {text} states no values; give a name and its values, such as strength=0.3,0.6,1.0.")
    if name not in known and name not in _OWN:
        raise UsageError(f"--vary {text}: there is no option {given.strip()!r}; choose one of "
                         f"{', '.join(sorted({*known, *_OWN} - _without_effect()))}.")
    if name in _without_effect():
        raise UsageError(f"--vary {text}: {name} does not change a painted frame; give it as an option of its own.")
    try:
        [values] = csv.reader([rest], skipinitialspace=True, strict=True)
    except (csv.Error, ValueError) as error:
        raise UsageError(f"--vary {text}: the values are not told apart ({error}); check the quotes.") from error
    values = [value.strip() for value in values]
    if not all(values) or len(set(values)) < len(values):
        raise UsageError(f"--vary {text}: a value is empty or there twice; give each value once, with commas between them.")
    for value in values:
        if name == "preset":
            if value not in preset_names():
                raise UsageError(f"--vary {text}: there is no preset {value!r}; choose one of {', '.join(preset_names())}.")
        else:
            read_stated({name: value}, Path, lambda _: f"--vary {text}", text=True)
    return Axis(name, tuple(values))


def _without_effect() -> frozenset[str]:
    """Names of the options that say how a painted frame is written."""
    return frozenset(name for name, option in options_of(Options).items() if option.panel == OUTPUT and name not in _READ_BY)


def options_of_variant(values: Mapping[str, str], options: Options, given: Collection[str]) -> Options:
    """The options of one variant.

    options: those of the command, of which the user has set those `given` (names); they stand over a preset that is varied.
    """
    if "preset" in values:
        options = load_options(values["preset"], **{name: getattr(options, name) for name in given})
    named = {name: value for name, value in values.items() if name not in _OWN}
    return replace(options, **read_stated(named, Path, "--vary {}".format, text=True).options)


def styles_of_variant(values: Mapping[str, str]) -> tuple[tuple[Path, float | Curve], ...]:
    """File and weight of each style picture of one variant; () where the style is not varied."""
    return read_stated({"style": values.get("style")}, Path, "--vary {}".format, text=True).styles


def label_of(values: Mapping[str, str]) -> str:
    """A variant in words, `strength 0.3, style monet.jpg`; of a file without its folders."""
    files = {"style", *(name for name, option in options_of(Options).items() if option.resolve is not None)}

    def shown(name: str, value: str) -> str:
        return " + ".join(Path(each.strip()).name for each in value.split(";")) if name in files else value

    return ", ".join(f"{name.replace('_', '-')} {shown(name, value)}" for name, value in values.items())
