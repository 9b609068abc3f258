"""What a run did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from vidstyle.run.plan import Plan


@dataclass(frozen=True)
class Result:
    """What a run did."""

    plan: Plan
    frames: int
    """Frames written."""
    frame_hashes: tuple[str, ...]
    """SHA-256 of each written frame's 8-bit RGB before the encoder."""
    seconds: float
    stage_seconds: dict[str, float] = field(default_factory=dict)
    """`prepare` (analysis and fit), `paint` (flow, painting, writing), and `save`, the part of both spent on checkpoints."""
    losses: dict[str, float] = field(default_factory=dict)
    """Last loss of the fit, by term."""
    held: tuple[int, ...] = ()
    """Indices of frames that repeat another frame because their own is damaged or missing (`Options.on_damage`)."""
    damaged: tuple[int, ...] = ()
    """Indices of frames that were damaged and painted as decoded."""
    clipped: tuple[int, int] = (0, 0)
    """Pixels brighter than white that are written as white, and in how many frames (scene-linear images)."""

    @classmethod
    def of(cls, plan: Plan, facts: Sequence[dict[str, Any]], seconds: dict[str, float], losses: dict[str, float],
           total_seconds: float) -> Result:
        """The result from the facts of each written frame, as `pipeline` gives them to `FrameLog.append`."""
        held, damaged = (tuple(fact["index"] for fact in facts if fact["damage"] == kind) for kind in ("held", "damaged"))
        clipped = [fact["clipped"] for fact in facts if fact["clipped"]]
        return cls(plan, len(facts), tuple(fact["sha256"] for fact in facts), total_seconds, seconds, losses, held, damaged,
                   (sum(clipped), len(clipped)))

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings that are only known after painting, one sentence each."""
        counts = ((self.held, "repeat another frame, because their own are damaged or missing"),
                  (self.damaged, "are damaged and painted as decoded"))
        damage = tuple(f"{len(frames)} of {self.frames} frames {fate}; the first is frame {self.plan.clip.number(frames[0])}."
                       for frames, fate in counts if frames)
        pixels, bright = self.clipped
        return (*damage, f"{pixels} pixels in {bright} of {self.frames} frames are brighter than white and are written as "
                "white.") if bright else damage

    def as_dict(self) -> dict[str, Any]:
        """The result in types that JSON has, with source and target instead of the plan."""
        own = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "plan"}
        return {"source": str(self.plan.clip.path), "target": str(self.plan.target), **own,
                "comparison": None if self.plan.comparison is None else str(self.plan.comparison.target),
                "warnings": [*self.plan.warnings, *self.warnings]}
