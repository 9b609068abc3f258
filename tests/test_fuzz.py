"""Mutated clips: a hundred in every run of the tests, five thousand in the slow one."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.fuzz import GOOD, run


def outcomes(count: int, folder: Path, first: int = 0) -> Counter[str]:
    found: Counter[str] = Counter()
    for tried, reply in run(list(range(first, first + count)), 0, folder, os.cpu_count() or 1):
        assert reply["outcome"] in GOOD, f"case {tried.number} ({tried.source.name}, {tried.kind}): {reply}"
        found[reply["outcome"]] += 1
    return found


def test_a_hundred_mutated_clips(tmp_path: Path) -> None:
    found = outcomes(100, tmp_path)
    assert found.total() == 100
    assert all(found[outcome] for outcome in GOOD)  # the series reaches each of the ways that a clip may go


@pytest.mark.slow
def test_five_thousand_mutated_clips(tmp_path: Path) -> None:
    assert outcomes(5000, tmp_path).total() == 5000
