"""The contact sheet of a finished shot: three frames of the source, and the same of the painting, read from its file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from torch import Tensor

from vidstyle.core.atomic import write_atomically
from vidstyle.core.contact_sheet import contact_sheet
from vidstyle.core.images import encode_jpeg
from vidstyle.run.manifest_file import manifest_path
from vidstyle.run.plan import Plan
from vidstyle.video import ReadSettings, Source, evenly_spaced, open_source

FRAMES = 3


def write_sheet(path: Path, plan: Plan) -> bool:
    """Write the sheet as JPEG if it is older than the painting; whether it is there.

    A painting that cannot be read, as in a codec that this machine only writes, has no sheet. Raises OSError for the disk.
    """
    try:
        if path.stat().st_mtime >= manifest_path(plan.target).stat().st_mtime:
            return True
    except OSError:
        pass
    try:
        captions = [f"frame {plan.clip.number(plan.frames[0] + place)}" for place in _places(plan)]
        sheet = contact_sheet(list(_pairs(plan)), captions)
    except Exception:  # the painting is done, and no error in its sheet may end the batch
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, encode_jpeg(sheet))
    return True


def _places(plan: Plan) -> list[int]:
    return evenly_spaced(plan.count, FRAMES)


def _pairs(plan: Plan) -> Iterator[tuple[Tensor, Tensor]]:
    """Source and painting of each frame on the sheet."""
    settings = plan.source.settings
    painting = open_source(plan.target, ReadSettings(fps=settings.fps, hdr=settings.hdr))
    sources = _images(plan.source, [plan.frames[0] + place for place in _places(plan)])
    return zip(sources, _images(painting, _places(plan)), strict=True)


def _images(source: Source, positions: list[int]) -> Iterator[Tensor]:
    for [frame] in source.sample(positions, run=1):
        yield frame.image
