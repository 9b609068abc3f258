"""One declaration per option: the field of a dataclass also says how the option is checked, read and explained."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from vidstyle.core.curve import Curve, parse_number
from vidstyle.core.errors import UsageError

Value = TypeVar("Value")
Locate = Callable[[str], Path]
"""The name of a file as a config writes it -> its path."""


@dataclass(frozen=True)
class Option:
    """All that is known about one option."""

    help: str
    """One sentence for `--help`."""
    panel: str = ""
    """Heading of `--help` under which the option is listed."""
    metavar: str | None = None
    """Placeholder of the value in `--help`; None leaves it to the type."""
    low: float = -math.inf
    high: float = math.inf
    """Lowest and highest value of a number, or of each number of several."""
    parse: Callable[[str], Any] | None = None
    """Reads the value from text; None where the type says enough. Raises UsageError. It also reads the `str` of a value."""
    resolve: Callable[[str, Locate], Any] | None = None
    """Reads a value that names a file from a config, which names files from its own folder."""
    default_text: str = ""
    """The default in words, for `--help`; needed where the value alone does not say it."""
    command_line: bool = True
    """Whether the command line has the option; config files have all."""
    several: bool = False
    """Whether it may be given more than once. The value is then a tuple, and `parse` or `resolve` reads one item of it."""
    name: str = ""
    """Name of the field, and key in a config file; this and the rest come from the field itself."""
    kind: Any = None
    """Type of the value, without `| None`."""
    optional: bool = False
    """Whether None is a value."""
    keyframed: bool = False
    """Whether a number may change over the clip: a `Curve` is a value."""
    default: Any = None

    @property
    def flag(self) -> str:
        """Name on the command line, such as `--fit-steps`."""
        return "--" + self.name.replace("_", "-")

    @property
    def choices(self) -> tuple[str, ...]:
        """The values to choose from; empty where there is no such list."""
        return get_args(self.kind) if get_origin(self.kind) is Literal else ()

    @property
    def full_help(self) -> str:
        """The help sentence with the default at its end."""
        text = self.default_text or _as_text(self.default)
        return f"{self.help.removesuffix('.')} (default: {text})." if text else self.help

    def words(self, value: object) -> list[str]:
        """What the command line takes for `value`, one text for each time that the option is given; () for None."""
        if value is None:
            return []
        return [_exact(item) for item in value] if self.several and isinstance(value, tuple) else [_exact(value)]

    def read_item(self, text: object, locate: Locate) -> Any:
        """One item of an option that may be given more than once, from text. Raises UsageError."""
        if not isinstance(text, str):
            raise UsageError(f"{self.name} is {text!r}; give a text in quotes, or several in brackets.")
        if self.resolve is not None:
            return self.resolve(text, locate)
        return text if self.parse is None else self.parse(text)

    def check(self, value: object) -> None:
        """Raise UsageError unless `value` has the type of the option, is one of its choices and lies in its range."""
        if value is None and self.optional:
            return
        if self.choices:
            if value not in self.choices:
                raise UsageError(f"{self.name} is {value!r}; choose one of {', '.join(self.choices)}.")
            return
        if self.several:
            [kind] = {*get_args(self.kind)} - {...}
            if not isinstance(value, tuple) or not all(isinstance(item, kind) for item in value):
                raise UsageError(f"{self.name} is {value!r}; give texts in quotes, in brackets.")
            return
        fits, expected = _TYPES[get_origin(self.kind) or self.kind]
        if not fits(value) and not (self.keyframed and isinstance(value, Curve)):
            found = list(value) if isinstance(value, tuple) else value
            raise UsageError(f"{self.name} is {found!r}; give {expected}.")
        numbers = value.values if isinstance(value, Curve) else value if isinstance(value, tuple) else (value,)
        for number in numbers:
            if isinstance(number, int | float | Fraction) and not self.low <= number <= self.high:
                raise UsageError(f"{self.name} is {number}; give a value from {self.low:g} to {self.high:g}.")


def _as_text(value: object) -> str:
    """A value as the command line takes it; nothing for None."""
    if value is None:
        return ""
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _exact(value: object) -> str:
    """As `_as_text`, with every digit of a number."""
    short = _as_text(value)
    return repr(value) if isinstance(value, float) and float(short) != value else short


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_TYPES: dict[Any, tuple[Callable[[Any], bool], str]] = {
    int: (_is_whole, "a whole number"),
    float: (lambda value: _is_whole(value) or (isinstance(value, float) and math.isfinite(value)), "a number"),
    bool: (lambda value: isinstance(value, bool), "true or false"),
    str: (lambda value: isinstance(value, str), "a name in quotes"),
    Path: (lambda value: isinstance(value, Path), "a file name in quotes"),
    Fraction: (lambda value: isinstance(value, Fraction), 'a rate, such as 24 or "24000/1001"'),
    tuple: (lambda value: isinstance(value, tuple) and bool(value) and all(map(_is_whole, value)),
            "one whole number or several, such as [1, 2]"),
}


def option(default: Value, *, help: str, panel: str = "", metavar: str | None = None, low: float = -math.inf,
           high: float = math.inf, parse: Callable[[str], Any] | None = None,
           resolve: Callable[[str, Locate], Any] | None = None, default_text: str = "", command_line: bool = True,
           several: bool = False) -> Value:
    """The field of a dataclass that declares one option; see `Option` for the parameters."""
    declared = Option(help, panel, metavar, low, high, parse, resolve, default_text, command_line, several)
    return field(default=default, metadata={"option": declared})


def same(options: type[Any], name: str) -> Any:
    """The field that declares the option `name` as `options` does."""
    [declared] = [field for field in fields(options) if field.name == name]
    return field(default=declared.default, metadata=declared.metadata)


def options_of(options: type[Any]) -> dict[str, Option]:
    """Every option that the dataclass `options` declares, by name, in its order."""
    found, hints = dict[str, Option](), get_type_hints(options)
    for declared in fields(options):
        kind = hints[declared.name]
        kinds = get_args(kind) if get_origin(kind) in (Union, UnionType) else ()
        if kinds:
            [kind] = [inner for inner in get_args(kind) if inner not in (NoneType, Curve)]
        keyframed, known = Curve in kinds, declared.metadata["option"]
        assert declared.default is not MISSING
        found[declared.name] = replace(known, name=declared.name, kind=kind, optional=NoneType in kinds, keyframed=keyframed,
                                       parse=partial(parse_number, name=declared.name) if keyframed else known.parse,
                                       default=declared.default)
    return found


def check_options(options: object) -> None:
    """Check the value of every option of `options`; raises UsageError for the first that is wrong."""
    for name, declared in options_of(type(options)).items():
        declared.check(getattr(options, name))
