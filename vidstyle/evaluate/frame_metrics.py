"""Metrics of single frames of several clips: sharpness and structure, and light and colour over each shot."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from vidstyle.core.frame import Frame
from vidstyle.ops.metrics import drift, flicker, gradient_energy, luma, ssim


class FrameMetrics:
    """`sharpness`, `ssim`, `flicker` and `drift` of every clip, and the times and cuts of the source."""

    def __init__(self, clips: int, source: int) -> None:
        """clips: how many there are; source: which of them is the source."""
        self.seconds: list[float] = []
        """Presentation time of each frame, on the source's clock."""
        self.cuts: list[int] = []
        """Indices in the source of the frames that start a new shot; the first frame is not among them."""
        self.lumas: list[list[float]] = [[] for _ in range(clips)]
        """Mean luma of each frame, by clip."""
        self._source = source
        self._colours: list[list[Sequence[float]]] = [[] for _ in range(clips)]
        self._sharpness = [0.0] * clips
        self._ssim = [0.0] * clips
        self._shots: list[int] = []  # place of the first frame of each shot

    def add(self, frame: Frame, images: Tensor, cut: bool) -> None:
        """Add the next frame of every clip: images (clips, 3, H, W) in [0, 1]; cut: whether it starts a new shot."""
        if cut:
            self.cuts.append(frame.index)
        if cut or not self.seconds:
            self._shots.append(len(self.seconds))
        self.seconds.append(frame.seconds)
        for clip, image in enumerate(images):
            self.lumas[clip].append(float(luma(image).mean()))
            self._colours[clip].append((image.mean((1, 2)) - images[self._source].mean((1, 2))).tolist())
            self._sharpness[clip] += gradient_energy(image)
            self._ssim[clip] += ssim(image, images[self._source])

    def values(self, clip: int) -> dict[str, float]:
        """Means over all frames, and `flicker` and `drift` over all shots; those two are left out for the source."""
        count = len(self.seconds)
        values = {"sharpness": self._sharpness[clip] / count, "ssim": self._ssim[clip] / count}
        if clip == self._source:
            return values
        shots = [slice(a, b) for a, b in zip(self._shots, [*self._shots[1:], count], strict=True)]
        light = [one - other for one, other in zip(self.lumas[clip], self.lumas[self._source], strict=True)]
        return values | {"flicker": flicker(light[shot] for shot in shots),
                         "drift": drift(self._colours[clip][shot] for shot in shots)}
