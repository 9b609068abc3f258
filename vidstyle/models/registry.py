"""The models by name: where each weights file comes from, its licence and hash; files are fetched once and verified."""

from __future__ import annotations

import socket
import ssl
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from pickle import UnpicklingError
from urllib.error import URLError

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from vidstyle.core.errors import InputError, OutputError, UsageError, reason
from vidstyle.core.files import check_plain, named_in_utf8, sha256


@dataclass(frozen=True)
class Model:
    """One set of trained weights."""

    name: str
    """The name that users and `fetch` use."""
    source: str
    """URL of the weights file; the file's name in `vidstyle/models/` if it ships in the package."""
    sha256: str
    """Hash of the file in hex, or the first digits of it if no more is published."""
    licence: str
    origin: str
    """Who trained it, on which data."""
    quality: str
    """A measured value, and on which data it was measured."""
    alternative: str = ""
    """The option of `vidstyle run` that needs no download; empty for weights that ship in the package."""

    @property
    def ships(self) -> bool:
        """Whether the weights are part of the package."""
        return not self.source.startswith("https://")


_TORCHVISION = "https://download.pytorch.org/models/"
_IMAGENET = "torchvision (IMAGENET1K_V1), trained on ImageNet-1K, simplified recipe"
_BSD = "BSD-3-Clause (torchvision); the training sets have terms of their own"

RECORDS: dict[str, Model] = {model.name: model for model in [
    Model("builtin-encoder", "encoder.safetensors", "6a2e483eab617345c6a8e863786b6042abff5ec064fe808a00c6910ae5fb1b5e",
          "MIT", "vidstyle, distilled from a 16x compressed VGG-19; see models/README.md",
          "relative squared error of its features against the teacher's: 0.008 (1_1) to 0.058 (5_1)"),
    Model("builtin-wide-encoder", "encoder_wide.safetensors",
          "39fe07dcf9929a96020009d53c1b270d572eec31b5eca8ffd752319dc8f3df3d",
          "MIT", "vidstyle, distilled from VGG-19 and from a 16x compressed VGG-19; see models/README.md",
          "relative squared error of its features against the teachers': 0.006 (1_1) to 0.11 (3_3)"),
    Model("builtin-start", "start.safetensors", "e957a9d5f879011101e169fe11dd5c43fe022754d4e2e9a15c4d12271d15241c",
          "MIT", "vidstyle, from random values, judged by the builtin encoder; see models/README.md",
          "style loss of its paintings before any fit: 0.02 to 0.05; of the unpainted frames: 0.21 to 1.5"),
    Model("builtin-raft", "raft.safetensors", "cd1e94eaf0ef8affd7d046370ea2c150d772384e88b706f5c1da7b55421fc9ed",
          "MIT", "vidstyle, from random values, on the exact motion of generated scenes; see models/README.md",
          "Sintel end-point error on two pairs 0.79 clean, 0.92 final; of DIS, from which it starts, 0.81 and 1.00"),
    # torchvision publishes the first 8 digits of the hash in the file name.
    Model("vgg19", _TORCHVISION + "vgg19-dcbb9e9d.pth", "dcbb9e9d", _BSD, _IMAGENET,
          "ImageNet-1K top-1 72.376 % (torchvision)", "--encoder builtin"),
    Model("vgg16", _TORCHVISION + "vgg16-397923af.pth", "397923af", _BSD, _IMAGENET,
          "ImageNet-1K top-1 71.592 % (torchvision)", "--encoder builtin"),
    Model("raft-large", _TORCHVISION + "raft_large_C_T_SKHT_V2-ff5fadd5.pth", "ff5fadd5", _BSD,
          "torchvision, trained on FlyingChairs and FlyingThings3D, then Sintel, KITTI and HD1K",
          "Sintel test EPE 1.819 clean, 3.067 final (torchvision)", "--flow dis"),
    Model("raft-small", _TORCHVISION + "raft_small_C_T_V2-01064c6d.pth", "01064c6d", _BSD,
          "torchvision, trained on FlyingChairs and FlyingThings3D",
          "Sintel train EPE 1.990 clean, 3.283 final (torchvision)", "--flow dis"),
]}

MOST_BYTES = 2**31
"""Largest weights file that is loaded: four times VGG-19 with its classifier, the largest of `RECORDS`."""
TIMEOUT = 30.0
"""Seconds without an answer after which a download fails."""


def find(name: str) -> Model:
    """The record of the model `name`. Raises UsageError for an unknown name."""
    if name not in RECORDS:
        raise UsageError(f"There are no weights called {name!r}; known are {', '.join(sorted(RECORDS))}.")
    return RECORDS[name]


def location(model: Model) -> Path:
    """Path of the weights file, whether it exists yet or not: in `vidstyle/models/`, or in the cache of torch.hub."""
    if model.ships:
        return Path(__file__).parent / model.source
    return Path(torch.hub.get_dir()) / "checkpoints" / model.source.rpartition("/")[2]


def fetch(name: str) -> Path:
    """Path of the weights file of the model `name`: downloaded if it is not there, its hash checked every time.

    Raises UsageError for an unknown name, InputError if the file cannot be downloaded or its hash is wrong, OutputError
    if the cache cannot be written.
    """
    model = find(name)
    path = location(model)
    if not path.is_file():
        if model.ships:
            raise InputError(f"{path}: is missing from the package; install vidstyle again.")
        _download(model, path)
    elif not sha256(path).startswith(model.sha256):
        remedy = "install vidstyle again" if model.ships else "delete it and run again"
        raise InputError(f"{path}: is not the published file (SHA-256 {model.sha256[:8]}...); {remedy}.")
    return path


def _download(model: Model, path: Path) -> None:
    """Download the weights to `path`, whole or not at all. Raises InputError and OutputError as `fetch` does."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _socket_timeout(TIMEOUT):
            torch.hub.download_url_to_file(model.source, str(path), model.sha256, progress=sys.stderr.isatty())
        path.chmod(0o644)  # readable for everyone who shares the cache, whatever the umask
    except (URLError, HTTPException, TimeoutError, ConnectionError, ssl.SSLError) as error:
        why = getattr(error, "reason", None) or error
        raise InputError(f"The weights {model.name!r} are not on this machine and {model.source} cannot be reached "
                         f"({why}); place that file at {path}, or use {model.alternative}, which needs no download."
                         ) from error
    except OSError as error:
        raise OutputError(f"{path.parent}: cannot be written ({reason(error)}); "
                          "set TORCH_HOME to a folder that can.") from error
    except RuntimeError as error:  # a wrong hash
        raise InputError(f"{model.source}: sent something other than the published file "
                         f"(SHA-256 {model.sha256[:8]}...); try again later.") from error


@contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    """Let new sockets time out: `download_url_to_file` itself waits forever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _unpacked(path: Path) -> int:
    """Unpacked size in bytes of an archive of `torch.save`; 0 for any other file."""
    try:
        with zipfile.ZipFile(path) as archive:
            return sum(entry.file_size for entry in archive.infolist())
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        return 0


def load_state_dict(path: Path) -> dict[str, Tensor]:
    """The tensors in a `.safetensors` or PyTorch file, by name, on the CPU. Code inside a file is never run.

    Raises InputError if the file cannot be read, is larger than `MOST_BYTES`, or holds anything but tensors.
    """
    if check_plain(path, "a weights file") > MOST_BYTES or _unpacked(path) > MOST_BYTES:
        raise InputError(f"{path}: holds more than {MOST_BYTES >> 30} GB; give the weights alone, as a state_dict.")
    try:
        if path.suffix == ".safetensors":
            with named_in_utf8(path) as named:
                return load_file(named)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({reason(error)}); check the path.") from error
    except (UnpicklingError, SafetensorError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise InputError(f"{path}: is not a weights file, or holds objects other than tensors, which are not run; "
                         "give a .safetensors file or a PyTorch state_dict.") from error
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise InputError(f"{path}: holds no tensors by name; give a .safetensors file or a PyTorch state_dict.")
    return content
