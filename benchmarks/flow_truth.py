"""Pairs of images with known motion, and the error of an estimated motion against it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

from training.moving_scenes import MovingScenes
from vidstyle.core.frame import FlowPair
from vidstyle.flow.truth import UNKNOWN, read_flo

GENERATED_SEED = 2**31
"""Seed of the generated scenes; no training may use it, so that they are held out."""
EDGE = 1.0
"""Two neighbouring pixels whose motions differ by more pixels than this have a motion edge between them."""
NEAR = 5
"""Pixels up to which a point counts as near a motion edge."""


@dataclass(frozen=True)
class TruePair:
    """Two images and the true motion from the first to the second."""

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
    """(1, H, W) bool: where the second shows the point too; None if the data set does not say."""


@dataclass(frozen=True)
class Score:
    """Means over the pairs of one set."""

    epe: float
    """Mean end-point error, px."""
    visible: float
    """The same over the points visible in both images; NaN if that is not known."""
    edges: float
    """The same within NEAR px of a motion edge."""
    wrong: float
    """Share of the pixels that are off by more than 1 px."""
    seconds: float
    """Per pair, both directions."""


def _image(path: Path) -> Tensor:
    return torch.from_numpy(cv2.imread(str(path))[..., ::-1].copy()).permute(2, 0, 1) / 255


def _mask(path: Path) -> Tensor:
    """(1, H, W) bool: True where the mask image is white."""
    return torch.from_numpy(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) > 127)[None]


def sintel(folder: Path) -> list[TruePair]:
    """MPI Sintel (Butler et al. 2012) in the layout of FALDOI's example data; `final` has the motion of `clean`."""
    found = []
    for render in ("clean", "final"):
        for path in sorted(folder.glob("clean/*/gt/*.flo")):
            scene, number = path.parent.parent.name, int(path.stem.removeprefix("frame_"))
            first, second = (_image(folder / render / scene / f"frame_{i:04}.png") for i in (number, number + 1))
            invalid, hidden = (_mask(path.parent / kind / f"{path.stem}.png") for kind in ("invalid", "occlusions"))
            found.append(TruePair(f"{scene} {number}", f"sintel {render}", first, second, read_flo(path), ~invalid, ~hidden))
    return found


def middlebury(folder: Path) -> list[TruePair]:
    """Middlebury's training pairs (Baker et al. 2011): `other-data` and `other-gt-flow`."""
    found = []
    for path in sorted(folder.glob("other-gt-flow/*/flow10.flo")):
        name, flow = path.parent.name, read_flo(path)
        first, second = (_image(folder / "other-data" / name / f"frame{i}.png") for i in (10, 11))
        valid = (flow.abs() < UNKNOWN).all(0, keepdim=True)
        found.append(TruePair(name, "middlebury", first, second, flow * valid, valid))
    return found


def pairs(data: Path) -> list[TruePair]:
    """Every pair with a true motion below `data`/frames. Raises FileNotFoundError if there is none."""
    found = sintel(data / "frames" / "sintel_gt") + middlebury(data / "frames" / "middlebury")
    if not found:
        raise FileNotFoundError(f"{data} holds neither frames/sintel_gt nor frames/middlebury")
    return found


def generated(count: int, size: tuple[int, int] = (256, 384)) -> list[TruePair]:
    """`count` held-out scenes of procedural textures, with effects such as blur, fog and noise; they need no data."""
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
    """The score of an estimator (see `vidstyle.flow.load_flow`) by data set."""
    found: dict[str, list[list[float]]] = {}
    for truth in truths:
        began = time.perf_counter()
        flow = estimate(truth.second, truth.first).to_last
        seconds = time.perf_counter() - began
        error = (flow - truth.flow).norm(dim=0, keepdim=True)
        known = error[truth.valid]
        visible = torch.full((1,), torch.nan) if truth.visible is None else error[truth.valid & truth.visible]
        edges = error[truth.valid & near_edges(truth.flow, truth.valid)]
        values = [*(float(part.mean()) for part in (known, visible, edges, (known > 1).float())), seconds]
        found.setdefault(truth.set, []).append(values)
    # A pair without motion edges gives NaN there, which the mean over the set leaves out.
    return {name: Score(*torch.tensor(values, dtype=torch.float64).nanmean(0).tolist()) for name, values in found.items()}
