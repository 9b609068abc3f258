"""Every trained network by name: where its weights come from, under which licence, how they are fetched and checked."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import urllib.request
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from vidstyle.core.errors import InputError, OutputError, UsageError
from vidstyle.core.files import check_plain


@dataclass(frozen=True)
class Weights:
    """One set of trained weights."""

    name: str
    """How a user asks for it."""
    file: str
    """File name in the cache, or in `vidstyle/models/` where `url` is empty."""
    url: str
    """Where it is fetched from; empty for weights that ship in the package."""
    sha256: str
    """Hash of the file in hex, or the leading part of it that is published."""
    licence: str
    origin: str
    """Who trained it, on what."""
    expects: str
    """Channels, range and size of its input."""
    quality: str
    """A measured number, and where it was measured."""
    instead: str
    """The option that does without it, said to a user who is offline; empty for weights that ship."""


_TORCHVISION = "https://download.pytorch.org/models/"
_IMAGENET = "torchvision (IMAGENET1K_V1), trained on ImageNet-1K, simplified recipe"
_VGG_INPUT = "RGB in [0, 1], minus mean (0.485, 0.456, 0.406), over std (0.229, 0.224, 0.225)"
_RAFT_INPUT = "RGB in [-1, 1], sides a multiple of 8 and at least 128"
_BSD = "BSD-3-Clause (torchvision); the training sets have terms of their own"

# For torchvision's, the hash is the part that is published in the file's name. Those that ship have no url.
RECORDS: dict[str, Weights] = {record.name: record for record in [
    Weights("builtin-encoder", "encoder.safetensors", "", "6a2e483eab617345c6a8e863786b6042abff5ec064fe808a00c6910ae5fb1b5e",
            "MIT", "vidstyle, distilled from a 16x compressed VGG-19; see models/README.md", "RGB in [0, 1]",
            "relative squared error of its features against the teacher's: 0.008 (1_1) to 0.058 (5_1)", ""),
    Weights("builtin-start", "start.safetensors", "", "e957a9d5f879011101e169fe11dd5c43fe022754d4e2e9a15c4d12271d15241c",
            "MIT", "vidstyle, from random values, judged by the builtin encoder; see models/README.md",
            "RGB in [0, 1], and Gram matrices of the builtin encoder",
            "style loss of paintings never fitted: 0.02 to 0.05, of the unpainted frames 0.21 to 1.5", ""),
    Weights("vgg19", "vgg19-dcbb9e9d.pth", _TORCHVISION + "vgg19-dcbb9e9d.pth", "dcbb9e9d", _BSD, _IMAGENET, _VGG_INPUT,
            "ImageNet-1K top-1 72.376 % (torchvision)", "--encoder builtin"),
    Weights("vgg16", "vgg16-397923af.pth", _TORCHVISION + "vgg16-397923af.pth", "397923af", _BSD, _IMAGENET, _VGG_INPUT,
            "ImageNet-1K top-1 71.592 % (torchvision)", "--encoder builtin"),
    Weights("raft-large", "raft_large_C_T_SKHT_V2-ff5fadd5.pth", _TORCHVISION + "raft_large_C_T_SKHT_V2-ff5fadd5.pth",
            "ff5fadd5", _BSD, "torchvision, trained on FlyingChairs and FlyingThings3D, then Sintel, KITTI and HD1K",
            _RAFT_INPUT, "Sintel test EPE 1.819 clean, 3.067 final (torchvision)", "--flow dis"),
    Weights("raft-small", "raft_small_C_T_V2-01064c6d.pth", _TORCHVISION + "raft_small_C_T_V2-01064c6d.pth",
            "01064c6d", _BSD, "torchvision, trained on FlyingChairs and FlyingThings3D",
            _RAFT_INPUT, "Sintel train EPE 1.990 clean, 3.283 final (torchvision)", "--flow dis"),
]}

MOST_BYTES = 2**31
"""Of a file of weights; four times VGG-19 whole, the largest that options name."""

Listener = Callable[[int, int | None], None]
"""Called while fetching with the bytes so far and the bytes in all (None where the server does not say)."""


def find(name: str) -> Weights:
    """The record called `name`. Raises UsageError for an unknown name."""
    if name not in RECORDS:
        raise UsageError(f"There are no weights called {name!r}; known are {', '.join(sorted(RECORDS))}.")
    return RECORDS[name]


def location(record: Weights) -> Path:
    """Where the file lies, or will lie once fetched: torch's cache, or `models/` in the package."""
    if not record.url:
        return Path(__file__).parent / record.file
    return Path(torch.hub.get_dir()) / "checkpoints" / record.file


def fetch(name: str, listen: Listener | None = None) -> Path:
    """The weights file called `name`, fetched once, checked against its hash every time.

    Raises UsageError for an unknown name, InputError where the file cannot be fetched or is not the one that was
    published, OutputError where the cache cannot be written.
    """
    record = find(name)
    path = location(record)
    if path.is_file():
        if not _matches(path, record):
            remedy = "delete it and run again" if record.url else "install vidstyle again"
            raise InputError(f"{path}: is not the published file (SHA-256 {record.sha256[:8]}...); {remedy}.")
        return path
    if not record.url:
        raise InputError(f"{path}: is missing from the package; install vidstyle again.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(prefix=path.name, suffix=".part", dir=path.parent)
    except OSError as error:
        raise OutputError(f"{path.parent}: cannot be written ({error.strerror}); "
                          "set TORCH_HOME to a folder that can.") from error
    try:
        with os.fdopen(handle, "wb") as sink:
            _download(record, sink.write, path, listen or _bar(record.file))
        if not _matches(Path(part), record):
            raise InputError(f"{record.url}: sent something other than the published file "
                             f"(SHA-256 {record.sha256[:8]}...); try again later.")
        os.replace(part, path)
    finally:
        Path(part).unlink(missing_ok=True)
    return path


def _download(record: Weights, write: Callable[[bytes], int], path: Path, listen: Listener) -> None:
    try:
        with urllib.request.urlopen(record.url, timeout=30) as reply:
            length = reply.headers.get("Content-Length")
            total = int(length) if length else None
            done = 0
            while block := reply.read(1 << 20):
                write(block)
                done += len(block)
                listen(done, total)
    except OSError as error:  # urllib's URLError, HTTPError and timeouts are all of this kind
        reason = getattr(error, "reason", None) or error
        raise InputError(f"The weights {record.name!r} are not on this machine and {record.url} cannot be reached "
                         f"({reason}); place that file at {path}, or use {record.instead}, which needs no download."
                         ) from error


def _bar(file: str) -> Listener:
    def show(done: int, total: int | None) -> None:
        share = f"{100 * done // total:3d} % of {total / 1e6:.1f} MB" if total else f"{done / 1e6:.1f} MB"
        if sys.stderr.isatty():
            print(f"\r{file}: {share}", end="\n" if done == total else "", file=sys.stderr, flush=True)
        elif done == total:
            print(f"{file}: fetched, {done / 1e6:.1f} MB", file=sys.stderr)

    return show


def _matches(path: Path, record: Weights) -> bool:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest().startswith(record.sha256)


def _unpacked(path: Path) -> int:
    """Bytes in an archive of `torch.save` once it is unpacked; 0 where it is none."""
    try:
        with zipfile.ZipFile(path) as archive:
            return sum(entry.file_size for entry in archive.infolist())
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError):
        return 0


def load_state_dict(path: Path) -> dict[str, Tensor]:
    """The tensors in a `.safetensors` or PyTorch file, by name, on the CPU; code inside a file is never run.

    Raises InputError where the file cannot be read or holds anything but tensors.
    """
    if check_plain(path, "a file of weights") > MOST_BYTES or _unpacked(path) > MOST_BYTES:
        raise InputError(f"{path}: holds more than {MOST_BYTES >> 30} GB; give the weights alone, as a state_dict.")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or 'no such file'}); check the path.") from error
    except (UnpicklingError, SafetensorError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise InputError(f"{path}: is not a file of weights, or holds more than tensors, which is not run; "
                         "give a .safetensors file or a PyTorch state_dict.") from error
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise InputError(f"{path}: holds no table of tensors; give a .safetensors file or a PyTorch state_dict.")
    return content
