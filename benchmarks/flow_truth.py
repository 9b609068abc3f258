"""Pairs of pictures whose true motion is known, and how far an estimated motion is from it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

from training.moving_scenes import MovingScenes
from vidstyle.core.frame import FlowPair

UNKNOWN = 1e9
"""Middlebury writes a larger number where the motion is not known."""
GENERATED_SEED = 2**31
"""No training should use it: these scenes are held out."""
EDGE = 1.0
"""Pixels by which the motion of two neighbours differs at a motion edge."""
NEAR = 5
"""Pixels around a motion edge that count as near it."""


@dataclass(frozen=True)
class TruePair:
    """Two pictures and the true motion from the first to the second."""

    name: str
    set: str
    first: Tensor
    """(3, H, W) float32 sRGB in [0, 1]."""
    second: Tensor
    """(3, H, W) float32 sRGB in [0, 1]."""
    flow: Tensor
    """(2, H, W) float32 pixels, x then y, on the first one's grid: first(x) = second(x + flow(x))."""
    valid: Tensor
    """(1, H, W) bool: where `flow` is known."""
    visible: Tensor | None = None
    """(1, H, W) bool: where the second shows the point too; None where nobody says."""


@dataclass(frozen=True)
class Score:
    """Means over the pairs of one set."""

    epe: float
    """Mean distance to the true motion (end-point error), px."""
    visible: float
    """The same where the point is visible in both; NaN where that is not known."""
    edges: float
    """The same within NEAR px of a motion edge."""
    wrong: float
    """Share of the pixels that are off by more than 1 px."""
    seconds: float
    """Per pair, both directions."""


def read_flo(path: Path) -> Tensor:
    """(2, H, W) float32: Middlebury's format, 202021.25, then width, height, then u and v of every pixel."""
    content = path.read_bytes()
    if len(content) < 12 or np.frombuffer(content, "<f4", 1)[0] != 202021.25:
        raise ValueError(f"{path} is not a .flo file")
    width, height = np.frombuffer(content, "<i4", 2, 4)
    motion = np.frombuffer(content, "<f4", 2 * width * height, 12).reshape(height, width, 2)
    return torch.from_numpy(motion.copy()).permute(2, 0, 1).contiguous()


def _picture(path: Path) -> Tensor:
    return torch.from_numpy(cv2.imread(str(path))[..., ::-1].copy()).permute(2, 0, 1) / 255


def _marked(path: Path) -> Tensor:
    """(1, H, W) bool of a black and white picture."""
    return torch.from_numpy(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) > 127)[None]


def sintel(folder: Path) -> list[TruePair]:
    """MPI Sintel (Butler et al. 2012) laid out as in FALDOI's example data; `final` shares the motion of `clean`."""
    found = []
    for render in ("clean", "final"):
        for path in sorted(folder.glob("clean/*/gt/*.flo")):
            scene, number = path.parent.parent.name, int(path.stem.removeprefix("frame_"))
            first, second = (_picture(folder / render / scene / f"frame_{i:04}.png") for i in (number, number + 1))
            invalid, hidden = (_marked(path.parent / kind / f"{path.stem}.png") for kind in ("invalid", "occlusions"))
            found.append(TruePair(f"{scene} {number}", f"sintel {render}", first, second, read_flo(path), ~invalid, ~hidden))
    return found


def middlebury(folder: Path) -> list[TruePair]:
    """Middlebury's training pairs (Baker et al. 2011): `other-data` and `other-gt-flow`."""
    found = []
    for path in sorted(folder.glob("other-gt-flow/*/flow10.flo")):
        name, flow = path.parent.name, read_flo(path)
        first, second = (_picture(folder / "other-data" / name / f"frame{i}.png") for i in (10, 11))
        valid = (flow.abs() < UNKNOWN).all(0, keepdim=True)
        found.append(TruePair(name, "middlebury", first, second, flow * valid, valid))
    return found


def pairs(data: Path) -> list[TruePair]:
    """Every pair with a true motion below `data`/frames. Raises FileNotFoundError where there is none."""
    found = sintel(data / "frames" / "sintel_gt") + middlebury(data / "frames" / "middlebury")
    if not found:
        raise FileNotFoundError(f"{data} holds neither frames/sintel_gt nor frames/middlebury")
    return found


def generated(count: int, size: tuple[int, int] = (256, 384)) -> list[TruePair]:
    """`count` held-out scenes of procedural textures, with blur, fog, noise and the like; they need no data."""
    scenes = MovingScenes(count, size, seed=GENERATED_SEED)
    everywhere = torch.ones(1, *size, dtype=torch.bool)
    return [TruePair(str(index), "generated", pair.last / 255, pair.this / 255, pair.to_this, everywhere, pair.visible_in_this)
            for index, pair in enumerate(scenes[index] for index in range(count))]


def near_edges(flow: Tensor, valid: Tensor) -> Tensor:
    """(1, H, W) bool: within NEAR px of two neighbours whose known motions differ by more than EDGE px."""
    edge = torch.zeros_like(valid, dtype=torch.float32)
    for axis in (-1, -2):
        length = flow.shape[axis] - 1
        jump = flow.diff(dim=axis).norm(dim=0, keepdim=True) > EDGE
        jump &= valid.narrow(axis, 0, length) & valid.narrow(axis, 1, length)
        edge.narrow(axis, 0, length).logical_or_(jump)
    return max_pool2d(edge, 2 * NEAR + 1, stride=1, padding=NEAR) > 0


def measure(estimate: Callable[[Tensor, Tensor], FlowPair], truths: Sequence[TruePair]) -> dict[str, Score]:
    """Set -> means over its pairs, for an estimator as `vidstyle.flow.load_flow` gives it."""
    rows: dict[str, list[list[float]]] = {}
    for truth in truths:
        began = time.perf_counter()
        found = estimate(truth.second, truth.first).to_last  # what carries paint; the way back may be a rougher one
        seconds = time.perf_counter() - began
        error = (found - truth.flow).norm(dim=0, keepdim=True)
        known = error[truth.valid]
        visible = torch.full((1,), torch.nan) if truth.visible is None else error[truth.valid & truth.visible]
        edges = error[truth.valid & near_edges(truth.flow, truth.valid)]
        row = [*(float(part.mean()) for part in (known, visible, edges, (known > 1).float())), seconds]
        rows.setdefault(truth.set, []).append(row)
    # A pair without motion edges has no mean error there; the set still has.
    return {name: Score(*torch.tensor(values, dtype=torch.float64).nanmean(0).tolist()) for name, values in rows.items()}
