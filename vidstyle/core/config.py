"""Options from a preset, from a TOML file and from the command line, each over the one before."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

from vidstyle.core.declare import Option, options_of
from vidstyle.core.errors import InputError, UsageError, reason
from vidstyle.core.files import check_plain, inside
from vidstyle.core.options import Options

_MOST_BYTES = 2**20  # of a config


def preset_folder() -> Path:
    """The folder of the presets: inside the installed package, or `configs/` of a source checkout."""
    package = Path(__file__).parent.parent
    installed = package / "configs"
    return installed if installed.is_dir() else package.parent / "configs"


def preset_names() -> list[str]:
    """Names of the presets."""
    return sorted(path.stem for path in preset_folder().glob("*.toml"))


def load_options(preset: str = "standard", config: Path | None = None, **overrides: Any) -> Options:
    """The defaults, changed by a preset, then by a TOML file, then by those of `overrides` that are not None.

    Raises UsageError for an unknown preset, an unreadable file, an unknown key or a value out of range.
    """
    folder, known = preset_folder(), preset_names()
    if preset not in known:
        raise UsageError(f"There is no preset {preset!r}; choose one of {', '.join(known)}.")
    options = Options()
    for path in (folder / f"{preset}.toml", *([] if config is None else [config])):
        values = _read(path)
        try:
            options = replace(options, **values)
        except UsageError as error:
            raise UsageError(f"{path}: {error}") from error
    return replace(options, **_not_none(overrides))


def given_options(config: Path | None = None, **overrides: Any) -> frozenset[str]:
    """Names of the options that the user chose: the keys of a TOML file, and those of `overrides` that are not None.

    What a preset sets is not among them. Raises UsageError as `load_options` does for the file.
    """
    return frozenset(_not_none(overrides)) | frozenset(() if config is None else _read(config))


def _not_none(overrides: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in overrides.items() if value is not None}


def _read(path: Path) -> dict[str, Any]:
    """The values in a TOML file, by option; their types and ranges are not yet checked."""
    try:
        if check_plain(path, "a TOML file") > _MOST_BYTES:
            raise UsageError(f"{path}: has more than {_MOST_BYTES >> 20} MB; a config has a few lines.")
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except InputError as error:
        raise UsageError(str(error)) from error
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({reason(error)}); check the path.") from error
    except (ValueError, RecursionError) as error:  # also a number of thousands of digits, and brackets without end
        raise UsageError(f"{path}: is not valid TOML ({error}).") from error
    known = options_of(Options)
    if unknown := sorted(set(table) - set(known)):
        raise UsageError(f"{path}: unknown {', '.join(unknown)}; known keys are {', '.join(sorted(known))}.")
    return {name: _value(known[name], value, path) for name, value in table.items()}


def _value(option: Option, value: Any, path: Path) -> Any:
    """The value of one key of the TOML file at `path`, as its option takes it."""
    if isinstance(value, list):
        return tuple(value)
    if option.resolve is not None and isinstance(value, str):
        return option.resolve(value, lambda name: inside(path.parent, name, str(path)))
    if option.parse is not None and isinstance(value, str | int | float) and not isinstance(value, bool):
        try:
            return option.parse(str(value))
        except UsageError as error:
            raise UsageError(f"{path}: {error}") from error
    return value
