"""What can go wrong, each with the exit code the command line ends on."""

import re
import sys

_OUT_OF_MEMORY = re.compile(r"out of memory|can't allocate memory|not enough memory|ALLOC_FAILED|"
                            r"could not create a (primitive|memory object)", re.IGNORECASE)
"""In a RuntimeError: of PyTorch's allocators on a CPU and on MPS, of cuBLAS, and of oneDNN, which computes convolutions."""


def reason(error: Exception) -> str:
    """Why the system or a library refused, for the middle of a sentence: `no such file or directory`."""
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()


def out_of_memory(error: BaseException) -> bool:
    """Whether the memory was too small: of a GPU, or of this machine as far as it says so."""
    # Importing torch takes seconds; if it has not been imported, it cannot have raised the error.
    torch = sys.modules.get("torch")
    if isinstance(error, MemoryError) or (torch is not None and isinstance(error, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and bool(_OUT_OF_MEMORY.search(str(error)))


class VidstyleError(Exception):
    """A problem, stated in one sentence: what was found, and what to do about it."""

    exit_code = 1


class UsageError(VidstyleError):
    """The command, an option, a preset or a config file asks for something that is impossible or not supported."""

    exit_code = 2


class ChangedError(UsageError):
    """Unfinished work beside an output was begun with other settings."""

    def __init__(self, message: str, changes: str = "") -> None:
        super().__init__(message)
        self.changes = changes
        """What differs, as the middle of a sentence."""


class InputError(VidstyleError):
    """A clip, a style picture or a weights file cannot be read."""

    exit_code = 3


class OutputError(VidstyleError):
    """The output cannot be written: it exists, the folder is missing or read-only, or the disk is full."""

    exit_code = 4


class BatchError(VidstyleError):
    """Some clips of several failed; the others are done."""

    exit_code = 5


class DeviceError(VidstyleError):
    """The device that was asked for does not exist, or its memory is too small."""

    exit_code = 6
