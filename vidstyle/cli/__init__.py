"""The `vidstyle` command: what it offers, and the one place where anything that goes wrong becomes a sentence."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Annotated, NoReturn

import typer

from vidstyle import __version__
from vidstyle.cli.evaluate import evaluate
from vidstyle.cli.events import emit, say
from vidstyle.cli.export import export
from vidstyle.cli.failures import Terminated, explain
from vidstyle.cli.models import models
from vidstyle.cli.preview import preview
from vidstyle.cli.probe import probe
from vidstyle.cli.run import run
from vidstyle.cli.train import train
from vidstyle.cli.verify import verify
from vidstyle.core.errors import OutputError

app = typer.Typer(name="vidstyle", add_completion=False, no_args_is_help=True, rich_markup_mode="rich")
app.command()(run)
app.command()(preview)
app.command()(evaluate)
app.command()(train)
app.command()(export)
app.command()(probe)
app.command()(verify)
app.add_typer(models, name="models")


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"vidstyle {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Paint a video in the style of a picture, with the paint sticking to what it is painted on."""


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and leave with its exit code."""
    raise SystemExit(execute(sys.argv[1:] if argv is None else argv))


def execute(argv: Sequence[str]) -> int:
    """Run one command line and return its exit code; no exception gets past here."""
    # Read off the raw arguments, because a usage error happens before they are parsed.
    debug, json = "--debug" in argv, "--json" in argv
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a file name that is no text in this locale must not end the run
            stream.reconfigure(errors="surrogateescape" if stream is sys.stdout else "backslashreplace")
    try:
        with _sigterm_raises():
            _dispatch(argv)
            sys.stdout.flush()
    except typer.Exit as done:
        return done.exit_code
    except (BrokenPipeError, SystemExit):  # rich turns the first into the second
        _silence_stdout()
        return OutputError.exit_code  # whoever read our output went away, and knows it
    except (Exception, KeyboardInterrupt) as error:
        if debug:
            traceback.print_exc()
        code, sentence = explain(error)
        if sentence:
            say(f"vidstyle: {sentence}")
        if json:
            try:
                emit("error", exit_code=code, message=sentence)
            except BrokenPipeError:
                _silence_stdout()
        return code
    return 0


def _dispatch(argv: Sequence[str]) -> None:
    # Not `app()`: that prints usage errors in a box and swallows Ctrl-C before it can be told apart from SIGTERM.
    command = typer.main.get_command(app)
    with command.make_context("vidstyle", list(argv)) as context:
        command.invoke(context)


@contextmanager
def _sigterm_raises() -> Iterator[None]:
    """Let SIGTERM unwind the stack as Ctrl-C does, so that `finally` blocks remove unfinished files."""

    def stop(_number: int, _frame: FrameType | None) -> NoReturn:
        raise Terminated

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _silence_stdout() -> None:
    """Point stdout at nothing, so that Python's own flush at exit does not complain about the broken pipe again."""
    with suppress(OSError):  # where stdout is no real file, nothing is flushed into a pipe either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
