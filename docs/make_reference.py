"""Write the command reference, commands.md, and the man page, vidstyle.1, from the declarations of commands and options.

    python docs/make_reference.py
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from vidstyle import __version__
from vidstyle.cli import app
from vidstyle.core.choices import PANELS
from vidstyle.core.declare import Option, options_of
from vidstyle.core.options import Options

FOLDER = Path(__file__).parent
EXIT_CODES = {
    "0": "done",
    "1": "an error of vidstyle itself; run the command again with --debug and report the output",
    "2": "a wrong option, or a wrong config file or shot list",
    "3": "an input that cannot be read",
    "4": "an output that cannot be written, or a full disk",
    "5": "some of several clips failed, or a condition of `evaluate --fail-if` was met",
    "6": "a device that is not there, or too little memory",
    "7": "`verify` found a difference",
    "130, 143": "stopped by Ctrl-C or SIGTERM; the same command continues",
}
ARGUMENTS, OTHER = "Arguments", "Options"


@dataclass(frozen=True)
class Section:
    """The arguments or options under one heading."""

    title: str
    entries: list[tuple[str, str]]
    """How each is written, `--size PIXELS`, and one sentence about it."""


@dataclass(frozen=True)
class Command:
    """What the reference says about one command."""

    name: str
    usage: str
    paragraphs: list[str]
    sections: list[Section]


def commands() -> list[Command]:
    """Every command, in the order of `vidstyle --help`; first `vidstyle` itself."""
    return list(_walk(typer.main.get_command(app), "vidstyle", None))


def markdown(found: list[Command]) -> str:
    """The command reference."""
    lines = ["# Command reference", "",
             "This page is written by `python docs/make_reference.py` from the declarations in the code. Each list is what "
             "`vidstyle COMMAND --help` shows. `man vidstyle` shows the same; that page is installed with the package.", ""]
    for command in found:
        lines += [f"## {command.name}", "", f"    {command.usage}", ""]
        lines += [line for paragraph in command.paragraphs for line in (paragraph, "")]
        for section in command.sections:
            lines += [f"**{section.title}**", "", *(f"- `{name}`: {text}" for name, text in section.entries), ""]
    lines += ["## Config files", "",
              "`--config FILE` reads a TOML file. Its keys are the options of a painting with `_` for `-`, such as "
              "`style_scale = 1.5`, and `style`, `frames`, `start`, `end`. These keys have no option on the command line:", "",
              *(f"- `{name} = {_toml(option)}`: {option.help}" for name, option in _config_only().items()), "",
              "## Exit codes", "", *(f"- `{code}`: {meaning}" for code, meaning in EXIT_CODES.items()), ""]
    return "\n".join(lines)


def man_page(found: list[Command]) -> str:
    """The man page, in the macros of man(7)."""
    root, *others = found
    lines = [f'.TH VIDSTYLE 1 "" "vidstyle {__version__}" "User Commands"',
             ".SH NAME", "vidstyle \\- paint a video in the style of a picture",
             ".SH SYNOPSIS", *(line for command in others for line in (_roff(command.usage), ".br")),
             ".SH DESCRIPTION", *(_roff(paragraph) for paragraph in root.paragraphs)]
    for section in root.sections:
        lines += [f".SH {section.title.upper()}", *_entries(section.entries)]
    for command in others:
        lines += [f".SH {_roff(command.name.upper())}", _roff(command.usage)]
        lines += [line for paragraph in command.paragraphs for line in (".PP", _roff(paragraph))]
        for section in command.sections:
            lines += [f".SS {_roff(section.title)}", *_entries(section.entries)]
    lines += [".SH CONFIG FILES", "Keys of a TOML file for \\-\\-config that have no option on the command line:"]
    lines += _entries((f"{name} = {_toml(option)}", option.help) for name, option in _config_only().items())
    lines += [".SH EXIT STATUS", *_entries(EXIT_CODES.items())]
    return "\n".join(lines) + "\n"


def _entries(entries: Iterable[tuple[str, str]]) -> Iterator[str]:
    for name, text in entries:
        yield from (".TP", f".B {_roff(name)}", _roff(text))


def _walk(command: Any, name: str, parent: Any) -> Iterator[Command]:
    context = command.make_context(name.split()[-1], [], parent=parent, resilient_parsing=True)
    arguments = [_argument(parameter) for parameter in command.params if parameter.param_type_name == "argument"]
    inner = getattr(command, "commands", {})
    usage = " ".join([name, *(["COMMAND"] if inner else []), "[OPTIONS]", *arguments])
    paragraphs = [_plain(" ".join(part.split())) for part in inspect.cleandoc(command.help or "").split("\n\n")]
    yield Command(name, usage, paragraphs, _sections(command, context))
    for each, found in inner.items():
        yield from _walk(found, f"{name} {each}", context)


def _sections(command: Any, context: Any) -> list[Section]:
    groups: dict[str, list[tuple[str, str]]] = {}
    for parameter in command.params:
        record = parameter.get_help_record(context)
        if record is None:
            continue
        if parameter.param_type_name == "argument":
            title, name = ARGUMENTS, _argument(parameter)
        else:
            title, name = parameter.rich_help_panel or OTHER, record[0]
        text = _plain(record[1])
        if text.endswith("[required]"):
            text = text.removesuffix("[required]").strip().removesuffix(".") + " (required)."
        groups.setdefault(title, []).append((name, text))
    order = [ARGUMENTS, *PANELS]
    return [Section(title, groups[title]) for title in sorted(groups, key=lambda title: order.index(title) if title in order
                                                              else len(order))]


def _argument(parameter: Any) -> str:
    return f"{parameter.metavar or parameter.name.upper()}{'...' if parameter.nargs == -1 else ''}"


def _plain(text: str) -> str:
    """Help without the escapes of rich's markup."""
    return text.replace("\\[", "[")


def _config_only() -> dict[str, Option]:
    return {name: option for name, option in options_of(Options).items() if not option.command_line}


def _toml(option: Option) -> str:
    default = option.default
    if isinstance(default, str):
        return f'"{default}"'
    return str(list(default)) if isinstance(default, tuple) else f"{default:g}"


def _roff(text: str) -> str:
    """Text with what roff would take for its own escaped."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("`", "")
    return re.sub(r"^([.'])", r"\\&\1", text)


def main() -> None:
    """Write both files."""
    found = commands()
    (FOLDER / "commands.md").write_text(markdown(found), encoding="utf-8")
    (FOLDER / "vidstyle.1").write_text(man_page(found), encoding="utf-8")


if __name__ == "__main__":
    main()
