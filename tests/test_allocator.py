"""Freed memory goes back to the system once the process has grown."""

from __future__ import annotations

import subprocess
import sys

import pytest

GROWN_AND_FREED = """
from vidstyle.core.allocator import SLACK, _resident, trim
trim()
before = _resident()
blocks = [b"x" * 100_000 for _ in range({count})]   # below 128 kB: in glibc's heap
blocks = [block for place, block in enumerate(blocks) if place % 30 == 29]  # the last one keeps the heap from shrinking
grown = _resident() - before
trim()
print(grown // 2**20, (_resident() - before) // 2**20)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's heap, and where Linux counts it")
@pytest.mark.parametrize(("count", "given_back"), [(3000, True), (900, False)])  # 286 and 86 MB, of 128 that may be kept
def test_freed_memory_is_given_back_above_the_slack(count: int, given_back: bool):
    program = [sys.executable, "-c", GROWN_AND_FREED.format(count=count)]
    grown, left = map(int, subprocess.run(program, check=True, capture_output=True, text=True).stdout.split())
    held = count * 100_000 // 2**20
    assert grown > 0.9 * held
    assert left < 0.2 * held if given_back else left > 0.9 * held
