"""The command line that states given options: what `vidstyle run` has to be given to paint the same."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path

from vidstyle.core.config import load_options
from vidstyle.core.curve import Curve
from vidstyle.core.declare import options_of
from vidstyle.core.options import Options


def run_command(clip: Path, styles: Iterable[tuple[Path, float | Curve]], options: Options, *, preset: str = "standard",
                config: Path | None = None, selection: Iterable[str] = ()) -> str:
    """`vidstyle run CLIP --style IMG ...` as a shell takes it.

    Options that the preset and the config give are not repeated. Those that the command line does not have stand in a comment
    behind it, as lines of a config. selection: the words that name the frames, if any.
    """
    words = ["vidstyle", "run", str(clip)]
    for path, weight in styles:
        words += ["--style", str(path) if weight == 1 else f"{path}:{weight}"]
    words += selection
    if preset != "standard":
        words += ["--preset", preset]
    if config is not None:
        words += ["--config", str(config)]
    stated, left = load_options(preset, config), list[str]()
    for name, option in options_of(Options).items():
        value = getattr(options, name)
        if value == getattr(stated, name):
            continue
        if not option.command_line:
            left += [f"{name} = {list(value) if isinstance(value, tuple) else value}"]
        elif value is True:
            words += [option.flag]
        else:
            words += [word for text in option.words(value) for word in (option.flag, text)]
    return shlex.join(words) + (f"  # and in a --config: {'; '.join(left)}" if left else "")
