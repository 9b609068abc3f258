"""Comparing two jobs. A job is all that the painted frames depend on, as values by name."""

from __future__ import annotations

from collections.abc import Mapping

AFTER_FIT = ("frames", "preroll", "output_size", "strength", "color", "codec", "crf", "container", "strict", "optimize_steps",
             "follow_steps", "references", "passes", "init", "follow_init", "optimizer", "style_loss",
             "style_layers", "pooling", "key_every", "forms", "strokes", "boil", "refresh", "key",
             "stroke_direction", "stroke_size")
"""Names in a job that do not change the network that is fitted; those of painted key frames have a number behind `key`."""


def differences(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """One clause for each name whose value differs, `seed was 0 and is 3`."""
    return [f"{name} was {old.get(name, 'not set')} and is {new.get(name, 'not set')}"
            for name in {**old, **new} if old.get(name) != new.get(name)]


def same_fit(old: Mapping[str, str], new: Mapping[str, str]) -> bool:
    """Whether both jobs fit the same network; one for colours that match is another."""
    matched = [job.get("color") == "match" for job in (old, new)]
    return matched[0] == matched[1] and all(old.get(name) == new.get(name) for name in {**old, **new}
                                            if name.partition(" ")[0] not in AFTER_FIT)
