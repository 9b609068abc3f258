"""The `vidstyle` command: its subcommands, and the exit code and message of every error."""

from __future__ import annotations

import codecs
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
from vidstyle.cli.batch import batch
from vidstyle.cli.evaluate import evaluate
from vidstyle.cli.events import emit, say
from vidstyle.cli.export import export
from vidstyle.cli.failures import Terminated, explain
from vidstyle.cli.farm import farm
from vidstyle.cli.keys import keys
from vidstyle.cli.models import models
from vidstyle.cli.preview import preview
from vidstyle.cli.probe import probe
from vidstyle.cli.run import run
from vidstyle.cli.train import train
from vidstyle.cli.verify import verify
from vidstyle.core.errors import OutputError

_PRINTABLE = "vidstyle-printable"
"""How stdout takes characters that its encoding lacks: bytes of file names as they are, all others as `\\u3042`."""


def _printable(error: UnicodeError) -> tuple[str | bytes, int]:
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeError:
        return codecs.lookup_error("backslashreplace")(error)


codecs.register_error(_PRINTABLE, _printable)

app = typer.Typer(name="vidstyle", no_args_is_help=True, rich_markup_mode="rich")
app.command()(run)
app.command()(preview)
app.command()(batch)
app.command()(farm)
app.command()(evaluate)
app.command()(train)
app.command()(export)
app.command()(probe)
app.command()(keys)
app.command()(verify)
app.add_typer(models, name="models")
COMPLETE = "_VIDSTYLE_COMPLETE"
"""Variable that the scripts of --install-completion set."""


def _show_version(requested: bool) -> None:
    if requested:
        print(f"vidstyle {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Paint a video in the style of an image, so that the paint sticks to the things it is painted on."""


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with its exit code."""
    if COMPLETE in os.environ:  # a shell asks for completions
        app(prog_name="vidstyle")
    raise SystemExit(execute(sys.argv[1:] if argv is None else argv))


def execute(argv: Sequence[str]) -> int:
    """Run one command line and return its exit code; no exception leaves this function."""
    # Read from the raw arguments, because usage errors are raised before they are parsed.
    debug, json = "--debug" in argv, "--json" in argv
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a file name that the locale cannot encode must not end the run
            stream.reconfigure(errors=_PRINTABLE if stream is sys.stdout else "backslashreplace")
    try:
        with _sigterm_raises():
            _dispatch(argv)
            sys.stdout.flush()
    except typer.Exit as done:
        return done.exit_code
    except (BrokenPipeError, SystemExit) as error:  # rich raises the second where the first happens
        if isinstance(error, SystemExit) and not error.code:
            return 0  # of --install-completion and --show-completion
        _silence_stdout()
        return OutputError.exit_code  # the reader of stdout has gone, so there is no message
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
    # Not `app()`: it prints usage errors in a box, and handles Ctrl-C so that it looks like SIGTERM.
    command = typer.main.get_command(app)
    with command.make_context("vidstyle", list(argv)) as context:
        command.invoke(context)


@contextmanager
def _sigterm_raises() -> Iterator[None]:
    """Let SIGTERM raise an exception as Ctrl-C does, so that `finally` blocks remove unfinished files."""

    def stop(_number: int, _frame: FrameType | None) -> NoReturn:
        raise Terminated

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _silence_stdout() -> None:
    """Redirect stdout to the null device, so that Python's flush at exit does not report the broken pipe again."""
    with suppress(OSError):  # where stdout is not a real file, there is no pipe to flush into
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
