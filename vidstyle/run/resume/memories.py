"""Memories as a file: the earlier frames that the next frame refers to, and their paintings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from vidstyle.core.files import named_in_utf8
from vidstyle.core.frame import Frame, Memory


def pack_memories(memories: Sequence[Memory]) -> bytes:
    """Memories in their order as a safetensors file. Of each frame, only the image and the times are stored."""
    tensors, moments = dict[str, Tensor](), []
    for number, memory in enumerate(memories):
        frame = memory.frame
        tensors[f"{number}.frame"] = frame.image.cpu().contiguous().clone()
        # Safetensors refuses tensors that share their memory, as those of a key frame do that is also the last frame.
        tensors[f"{number}.painting"] = memory.painting.cpu().contiguous().clone()
        moments.append([frame.pts, str(frame.time_base), frame.index, frame.duration])
    return save(tensors, {"frames": json.dumps(moments)})


def unpack_memories(path: Path, device: str) -> list[Memory]:
    """The memories that `pack_memories` was given, on `device`. Raises OSError, SafetensorError for another file."""
    with named_in_utf8(path) as named, safe_open(named, framework="pt", device=device) as file:
        moments = json.loads(file.metadata()["frames"])
        return [Memory(Frame(file.get_tensor(f"{number}.frame"), pts, Fraction(time_base), index, duration),
                       file.get_tensor(f"{number}.painting"))
                for number, (pts, time_base, index, duration) in enumerate(moments)]
