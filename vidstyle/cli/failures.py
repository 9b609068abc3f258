"""What an exception means to the person at the keyboard: an exit code and one sentence."""

from __future__ import annotations

import errno
import re
import sys

import typer

from vidstyle.core.errors import DeviceError, OutputError, UsageError, VidstyleError

_OUT_OF_MEMORY = re.compile(r"out of memory|can't allocate memory|ALLOC_FAILED", re.IGNORECASE)
_DISK_FULL = {errno.ENOSPC, errno.EDQUOT}


class Terminated(KeyboardInterrupt):
    """SIGTERM arrived; a KeyboardInterrupt, so that whatever cleans up after Ctrl-C cleans up after this too."""


def explain(error: BaseException) -> tuple[int, str]:
    """The exit code for `error` and one sentence for people; the sentence is empty where help was printed.

    The notes of an error, such as where a stopped run goes on, end its sentence.
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
    if _is_out_of_memory(error):
        return DeviceError.exit_code, "Memory does not suffice; paint smaller with --size, or use --device cpu."
    if isinstance(error, OSError) and error.errno in _DISK_FULL:
        return OutputError.exit_code, "The disk is full; free some space, or write elsewhere with -o."
    detail = _one_line(str(error)).rstrip(".")
    seen = f"{type(error).__name__}: {detail}" if detail else type(error).__name__
    return 1, f"This is our bug ({seen}); run it again with --debug and send us what it prints."


def _is_out_of_memory(error: BaseException) -> bool:
    # torch is asked only if something else has loaded it: loading it takes seconds.
    torch = sys.modules.get("torch")
    if isinstance(error, MemoryError) or (torch is not None and isinstance(error, torch.OutOfMemoryError)):
        return True
    # The CPU and MPS allocators raise a bare RuntimeError, told apart only by its text.
    return isinstance(error, RuntimeError) and bool(_OUT_OF_MEMORY.search(str(error)))


def _usage_sentence(error: typer.TyperException) -> str:
    message = _one_line(error.format_message()).replace("Value error, ", "").rstrip(".?")
    if not message:
        return ""  # `vidstyle` alone: the help is already printed
    context = getattr(error, "ctx", None)
    return f"{message}; see {context.command_path} --help." if context else f"{message}."


def _one_line(text: str) -> str:
    """`text` on one line; spaces within a line stay, for they may be part of a path."""
    return re.sub(r"\s*[\r\n]\s*", " ", text).strip()
