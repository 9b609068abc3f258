"""A film of a few frames, a photograph and two style pictures; as a script, it trains on them in one of several processes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from video_clips import make_clip

from vidstyle.core.images import write_png
from vidstyle.core.train_options import TrainOptions
from vidstyle.train import train_network

TINY = TrainOptions(steps=6, batch=2, size=(64, 72), crop=64, pairs=6, seed=3, device="cpu", workers=0, check_every=6,
                    save_every=3)


def make_sources(folder: Path) -> tuple[list[Path], list[Path]]:
    """(styles, sources) in `folder`."""
    generator = torch.Generator().manual_seed(0)
    styles = [folder / "a.png", folder / "b.png"]
    for number, path in enumerate(styles):
        blocks = torch.rand(3, 12, 10, generator=generator).repeat_interleave(6 + 2 * number, 1).repeat_interleave(8, 2)
        write_png(path, blocks)
    film = folder / "film"
    film.mkdir()
    make_clip(film / "one.mp4", frames=12, size=(96, 72))
    make_clip(film / "two.mp4", frames=4, size=(80, 80))
    write_png(film / "still.png", torch.rand(3, 40, 50, generator=generator))
    return styles, [film]


@contextmanager
def float32() -> Iterator[None]:
    """No bfloat16, whatever the processor offers: with it two crops in one batch give other values than each alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
        yield


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    with float32():
        train_network([folder / "a.png", folder / "b.png"], [folder / "film"], folder / "two.safetensors", TINY)
