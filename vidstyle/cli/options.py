"""Command-line options made from the declarations in `vidstyle.core.options`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from inspect import Parameter
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

import typer
from typer.models import OptionInfo

from vidstyle.core.choices import PANELS, REPORT
from vidstyle.core.declare import options_of
from vidstyle.core.options import Options
from vidstyle.painting.methods import METHODS

Returned = TypeVar("Returned")

Json = Annotated[
    bool, typer.Option("--json", rich_help_panel=REPORT, help="Print JSON lines on stdout; the last one is the result.")
]
Debug = Annotated[bool, typer.Option("--debug", rich_help_panel=REPORT, help="Show the traceback when something fails.")]


def declared(options: type[Any], name: str, panel: str | None = None) -> Any:
    """The option `name` as the dataclass `options` declares it, for the annotation of a command's parameter.

    The help states the default; typer does not pass it on, so that a preset or a config file can decide instead.
    """
    option, offer = options_of(options)[name], None
    if name == "method":
        offer = offering(METHODS)
        methods = "; ".join(f"{method.name} {method.summary}" for method in METHODS.values())
        option = replace(option, help=f"{option.help.removesuffix('.')}: {methods}.")
    if name == "preroll":
        counts = [f"{method.preroll(Options())} for {method.name}" for method in METHODS.values()]
        option = replace(option, default_text=", ".join(counts))
    return typer.Option(option.flag, rich_help_panel=panel or option.panel, help=option.full_help, metavar=option.metavar,
                        show_default=False, autocompletion=offer)


def offering(names: Iterable[str]) -> Callable[[str], list[str]]:
    """What a shell offers for an option whose value is one of `names`."""

    def offer(incomplete: str) -> list[str]:
        return [name for name in names if name.startswith(incomplete)]

    return offer


def with_declared(options: type[Any]) -> Callable[[Callable[..., Returned]], Callable[..., Returned]]:
    """Replace `**given` in the signature of a command by the options that the dataclass `options` declares.

    The command is called with the values of those that were given, and the others are left out.
    """
    known = {name: option for name, option in options_of(options).items() if option.command_line}

    def decorate(command: Callable[..., Returned]) -> Callable[..., Returned]:
        own = [parameter for parameter in parameters_of(command) if parameter.kind is not Parameter.VAR_KEYWORD]
        added = []
        for name, option in known.items():
            kind = list[str] if option.several else option.kind if option.parse is None else str
            added.append(Parameter(name, Parameter.KEYWORD_ONLY, default=None,
                                   annotation=Annotated[kind | None, declared(options, name)]))

        @functools.wraps(command)
        def wrapper(**values: Any) -> Returned:
            for name, option in known.items():
                value = values.pop(name)
                if option.several and value:
                    values[name] = tuple(option.read_item(item, Path) for item in value)
                elif value is not None and not option.several:
                    values[name] = value if option.parse is None else option.parse(value)
            return command(**values)

        return with_signature(wrapper, [*own, *added])

    return decorate


def parameters_of(command: Callable[..., Any]) -> list[Parameter]:
    """The parameters of a command, their annotations evaluated."""
    return list(inspect.signature(command, eval_str=True).parameters.values())


def with_signature(command: Callable[..., Returned], parameters: Sequence[Parameter]) -> Callable[..., Returned]:
    """Give `command` the signature that typer reads, in the order in which `--help` lists the options."""
    ordered = [parameter.replace(kind=Parameter.KEYWORD_ONLY) for parameter in sorted(parameters, key=_panel)]
    command.__signature__ = inspect.Signature(ordered)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in ordered}
    return command


def _panel(parameter: Parameter) -> int:
    """Place of the parameter's panel in `--help`; arguments and what has no panel come first."""
    panels = [info.rich_help_panel for info in get_args(parameter.annotation) if isinstance(info, OptionInfo)]
    return PANELS.index(panels[0]) + 1 if panels and panels[0] in PANELS else 0
