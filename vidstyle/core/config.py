"""Options from a preset, from a TOML file and from the command line, each over the one before."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_origin

from vidstyle.core.curve import Curve
from vidstyle.core.declare import Locate, Option, options_of
from vidstyle.core.errors import InputError, UsageError, reason
from vidstyle.core.files import check_plain, inside
from vidstyle.core.options import Options
from vidstyle.core.parse import Range, parse_range, parse_style

_MOST_BYTES = 2**20  # of a config
_RANGE = ("frames", "start", "end")
_YES_NO = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True)
class Stated:
    """What a config, or one shot of a list, states about a painting."""

    options: dict[str, Any] = field(default_factory=dict)
    """Values by the name of the option, checked."""
    styles: tuple[tuple[Path, float | Curve], ...] = ()
    """File and weight of each style picture."""
    range: Range | None = None
    """None where nothing of it is stated."""


def preset_folder() -> Path:
    """The folder of the presets: inside the installed package, or `configs/` of a source checkout."""
    package = Path(__file__).parent.parent
    installed = package / "configs"
    return installed if installed.is_dir() else package.parent / "configs"


def preset_names() -> list[str]:
    """Names of the presets."""
    return sorted(path.stem for path in preset_folder().glob("*.toml"))


def load_options(preset: str = "standard", config: Path | None = None, base: Options | None = None,
                 **overrides: Any) -> Options:
    """The defaults, changed by a preset, then by a TOML file, then by those of `overrides` that are not None.

    base: options in place of the defaults, such as those of an earlier run. Raises UsageError for an unknown preset, an
    unreadable file, an unknown key or a value out of range.
    """
    folder, known = preset_folder(), preset_names()
    if preset not in known:
        raise UsageError(f"There is no preset {preset!r}; choose one of {', '.join(known)}.")
    options = base or Options()
    for path in (folder / f"{preset}.toml", *([] if config is None else [config])):
        options = replace(options, **load_config(path).options)
    return replace(options, **_not_none(overrides))


def given_options(config: Path | None = None, **overrides: Any) -> frozenset[str]:
    """Names of the options that the user chose: the keys of a TOML file, and those of `overrides` that are not None.

    What a preset sets is not among them. Raises UsageError as `load_options` does for the file.
    """
    return frozenset(_not_none(overrides)) | frozenset(() if config is None else load_config(config).options)


def _not_none(overrides: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in overrides.items() if value is not None}


def load_config(path: Path) -> Stated:
    """What the TOML file at `path` states; it names files of its own folder only. Raises UsageError for what is wrong in it."""
    table = read_toml(path)
    check_names(table, str(path))
    return read_stated(table, lambda name: inside(path.parent, name, str(path)), lambda name: str(path))


def read_toml(path: Path) -> dict[str, Any]:
    """The table in a TOML file. Raises UsageError where it cannot be read."""
    try:
        return tomllib.loads(read_text(path, "a TOML file"))
    except (ValueError, RecursionError) as error:  # also a number of thousands of digits, and brackets without end
        raise UsageError(f"{path}: is not valid TOML ({error}).") from error


def read_text(path: Path, what: str) -> str:
    """The text of a small file, which is `what` (`a TOML file`), without a byte order mark. Raises UsageError."""
    try:
        if check_plain(path, what) > _MOST_BYTES:
            raise UsageError(f"{path}: has more than {_MOST_BYTES >> 20} MB, too much for {what}; check the path.")
        return path.read_text(encoding="utf-8-sig")
    except InputError as error:
        raise UsageError(str(error)) from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({reason(error)}); check the path.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: is not text in UTF-8; save it as UTF-8.") from error


def check_names(names: Mapping[str, Any], where: str, also: tuple[str, ...] = ()) -> None:
    """Raise UsageError where one of `names` is neither an option nor one of `also`. where: the place, for the error."""
    known = {*options_of(Options), *_RANGE, "style", *also}
    if unknown := sorted(set(names) - known):
        raise UsageError(f"{where}: unknown {', '.join(unknown)}; known names are {', '.join(sorted(known))}.")


def read_stated(values: Mapping[str, Any], locate: Locate, where: Callable[[str], str], *, text: bool = False) -> Stated:
    """What `values`, by known names, state; None and names that are no option are passed over.

    locate: the name of a file -> its path. where: a name -> its place in a file, for errors. text: every value is text as
    the command line takes it, and not a value of TOML. Raises UsageError for the first value that is wrong.
    """
    options = dict[str, Any]()
    for name, option in options_of(Options).items():
        if (value := values.get(name)) is not None:
            with _placed(where(name)):
                options[name] = _from_text(option, value, locate) if text else _from_toml(option, value, locate)
                option.check(options[name])
    with _placed(where("style")):
        styles = tuple(parse_style(each, locate) for each in _listed(values.get("style"), text))
    given = {name: values.get(name) for name in _RANGE}
    if all(value is None for value in given.values()):
        return Stated(options, styles)
    with _placed(where(next(name for name, value in given.items() if value is not None))):
        return Stated(options, styles, parse_range(**{name: None if value is None else str(value)
                                                      for name, value in given.items()}))


@contextmanager
def _placed(place: str) -> Iterator[None]:
    """Put the place in front of a UsageError that does not begin with it."""
    try:
        yield
    except UsageError as error:
        raise error if str(error).startswith(place) else UsageError(f"{place}: {error}") from error


def _listed(value: Any, text: bool) -> list[str]:
    """The styles in one value: one name, or several in a list, or in text with semicolons between them."""
    if text and value is not None:
        return [name.strip() for name in value.split(";") if name.strip()]
    names = value if isinstance(value, list) else [] if value is None else [value]
    if not all(isinstance(name, str) for name in names):
        raise UsageError(f"style is {value!r}; give a file name in quotes, or several in brackets.")
    return [str(name) for name in names]


def _from_toml(option: Option, value: Any, locate: Locate) -> Any:
    """A value of TOML, as its option takes it."""
    if option.several:
        return tuple(option.read_item(item, locate) for item in (value if isinstance(value, list) else [value]))
    if isinstance(value, list):
        return tuple(value)
    if option.resolve is not None and isinstance(value, str):
        return option.resolve(value, locate)
    if option.parse is not None and isinstance(value, str | int | float) and not isinstance(value, bool):
        return option.parse(str(value))
    return value


def _from_text(option: Option, text: str, locate: Locate) -> Any:
    """A value from text, as its option takes it; the text itself where it is no such value."""
    if option.several:
        return tuple(option.read_item(item.strip(), locate) for item in text.split(";") if item.strip())
    if option.resolve is not None:
        return option.resolve(text, locate)
    if option.parse is not None:
        return option.parse(text)
    try:
        if option.kind in (int, float):
            return option.kind(text)
        if get_origin(option.kind) is tuple:
            return tuple(int(part) for part in text.replace(";", ",").split(","))
    except ValueError:
        return text
    return _YES_NO.get(text.lower(), text) if option.kind is bool else text
