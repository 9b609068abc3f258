"""The exit code and the one sentence of each exception."""

from __future__ import annotations

import errno
import re

import typer

from vidstyle.core.errors import DeviceError, OutputError, UsageError, VidstyleError, out_of_memory

_NO_NUMBER = re.compile("Input should be a valid (number|integer), unable to parse string as an? (?:number|integer)")
_NUMBERS = {"number": "number, without a unit", "integer": "whole number"}
_DISK_FULL = {errno.ENOSPC, errno.EDQUOT}


class Terminated(KeyboardInterrupt):
    """SIGTERM arrived; a KeyboardInterrupt, so that all code that cleans up after Ctrl-C also cleans up after this."""


def explain(error: BaseException) -> tuple[int, str]:
    """The exit code of `error` and one sentence about it; the sentence is empty where help was printed instead.

    Notes on the error, such as where a stopped run will continue, are appended to the sentence.
    """
    code, sentence = _explain(error)
    return code, "; ".join([sentence.rstrip("."), *getattr(error, "__notes__", ())]) + "." if sentence else ""


def _explain(error: BaseException) -> tuple[int, str]:
    if isinstance(error, VidstyleError):
        return error.exit_code, _one_line(str(error))
    if isinstance(error, typer.TyperException):
        return UsageError.exit_code, _usage_sentence(error)
    if isinstance(error, Terminated):
        return 143, "Stopped by SIGTERM."
    if isinstance(error, KeyboardInterrupt):
        return 130, "Stopped by Ctrl-C."
    if out_of_memory(error):
        return DeviceError.exit_code, "There is not enough memory; give a smaller --size, or use --device cpu."
    if isinstance(error, OSError) and error.errno in _DISK_FULL:
        return OutputError.exit_code, "The disk is full; free some space, or name an output on another disk with -o."
    detail = _one_line(str(error)).rstrip(".")
    name = f"{type(error).__name__}: {detail}" if detail else type(error).__name__
    return 1, f"This is our bug ({name}); run it again with --debug and send us the output."


def _usage_sentence(error: typer.TyperException) -> str:
    message = _one_line(error.format_message()).replace("Value error, ", "").rstrip(".?")
    message = _NO_NUMBER.sub(lambda found: f"give a {_NUMBERS[found[1]]}", message)
    if not message:
        return ""  # `vidstyle` without a command has already printed the help
    context = getattr(error, "ctx", None)
    return f"{message}; see {context.command_path} --help." if context else f"{message}."


def _one_line(text: str) -> str:
    """`text` on one line; spaces within a line stay, because they may be part of a path."""
    return re.sub(r"\s*[\r\n]\s*", " ", text).strip()
