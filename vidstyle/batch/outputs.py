"""Where the shots of a batch are written: no two to one file, and none over a clip that is read."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from vidstyle.batch.shot import Shot
from vidstyle.core.errors import UsageError
from vidstyle.core.files import file_id
from vidstyle.run.plan import Plan
from vidstyle.video import canonical_path

Pairs = Sequence[tuple[Shot, Plan]]


def separate(planned: Pairs) -> dict[int, Path]:
    """New folders, by place, for shots of clips of the same name from different folders, as `A001.mp4` of two cameras.

    Only for those that are named by default in one folder: each goes to a folder in it that is named as the clip's own.
    """
    alike, moved = defaultdict[Path, list[int]](list), dict[int, Path]()
    for place, (_, plan) in enumerate(planned):
        alike[_file(plan)].append(place)
    for places in alike.values():
        parents = [planned[place][0].clip.absolute().parent for place in places]
        if len(places) == 1 or len(set(parents)) < len(parents) or len({path.anchor for path in parents}) > 1:
            continue
        common = os.path.commonpath(parents)
        for place, parent in zip(places, parents, strict=True):
            shot = planned[place][0]
            if shot.target is None and shot.folder is not None and parent != Path(common):
                moved[place] = shot.folder / parent.relative_to(common)
    return moved


def check_targets(shots: Sequence[Shot], planned: Pairs) -> None:
    """Raise UsageError for a batch that would write one file twice, or write over a clip that it has to read."""
    inputs = {file_id(shot.clip) for shot in shots}
    taken: dict[Path, Shot] = {}
    for shot, plan in planned:
        target = _file(plan)
        if (other := taken.get(target)) is not None:
            raise UsageError(f"{_name(other)} and {_name(shot)} would both be written to {plan.target}; "
                             "give them different outputs.")
        if file_id(plan.target) in inputs:
            raise UsageError(f"{_name(shot)} would be written over the clip {plan.target}; leave that clip out.")
        taken[target] = shot


def _file(plan: Plan) -> Path:
    return canonical_path(plan.target).resolve()


def _name(shot: Shot) -> str:
    return f"{shot.clip} ({shot.origin})" if shot.origin else str(shot.clip)
