"""What a run that stops between two frames needs: the samples that are not coded for good yet, and the memories."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from vidstyle.core.atomic import fsync
from vidstyle.core.frame import Frame, Memory


class Tail:
    """The samples of the frames since the last whole segment: a file that grows, each frame's after their length."""

    def __init__(self, path: Path, size: int = 0) -> None:
        """A new file, or the first `size` bytes of one that is there; the rest of that is dropped."""
        self.path, self.size = path, size
        self._hash = hashlib.sha256()
        self._file = path.open("rb+" if size else "wb+")
        left = size
        while left and (block := self._file.read(min(left, 1 << 20))):
            self._hash.update(block)
            left -= len(block)
        self._file.truncate(size)
        self._file.seek(size)

    @property
    def sha256(self) -> str:
        """Hash of all that is in it, in hex."""
        return self._hash.hexdigest()

    def append(self, samples: bytes) -> None:
        """Add a frame's samples."""
        data = len(samples).to_bytes(8, "little") + samples
        self._file.write(data)
        self._hash.update(data)
        self.size += len(data)

    def read(self) -> Iterator[bytes]:
        """Each frame's samples."""
        self._file.seek(0)
        while head := self._file.read(8):
            yield self._file.read(int.from_bytes(head, "little"))

    def sync(self) -> None:
        """Wait until all of it is safe on the disk."""
        self._file.flush()
        fsync(self.path)

    def close(self) -> None:
        """Write what is waiting and close the file."""
        self._file.close()


def pack_memories(memories: Sequence[Memory]) -> bytes:
    """Memories, last one last, as a safetensors file."""
    tensors, places = dict[str, Tensor](), []
    for number, memory in enumerate(memories):
        tensors[f"{number}.frame"] = memory.frame.image.cpu().contiguous()
        tensors[f"{number}.painting"] = memory.painting.cpu().contiguous()
        frame = memory.frame
        places.append([frame.pts, str(frame.time_base), frame.index, frame.duration])
    return save(tensors, {"frames": json.dumps(places)})


def unpack_memories(path: Path, device: str) -> list[Memory]:
    """The memories that `pack_memories` was given, on `device`."""
    with safe_open(path, framework="pt", device=device) as file:
        places = json.loads(file.metadata()["frames"])
        return [Memory(Frame(file.get_tensor(f"{number}.frame"), pts, Fraction(time_base), index, duration),
                       file.get_tensor(f"{number}.painting"))
                for number, (pts, time_base, index, duration) in enumerate(places)]
