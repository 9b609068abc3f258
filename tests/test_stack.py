"""A stack gives back what was pushed, from a file, from memory, and where the disk takes only some of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from vidstyle.core.stack import Stack

FULL = """
import resource, sys
from pathlib import Path
from vidstyle.core.stack import Stack
resource.setrlimit(resource.RLIMIT_FSIZE, (2500, 2500))  # fails as a full disk does, in the middle of the third record
stack = Stack(Path(sys.argv[1]))
for number in range(5):
    stack.push((number, bytes(1000)))
assert [stack.pop() for _ in range(3)] == [(number, bytes(1000)) for number in (4, 3, 2)]
stack.push("small")
print([stack.pop(), *(stack.pop()[0] for _ in range(2))], len(stack))
"""


@pytest.mark.parametrize("in_file", [False, True])
def test_the_last_one_pushed_is_the_first_one_popped(tmp_path: Path, in_file: bool):
    stack, held = Stack[tuple[int, torch.Tensor | None]](tmp_path if in_file else None), list[tuple[int, torch.Tensor | None]]()
    for number, turn in enumerate((3, -1, 2, -2, 4, -6)):
        for place in range(turn):
            held.append((10 * number + place, torch.rand(3, 40 + number).half() if place else None))
            stack.push(held[-1])
        for _ in range(-turn):
            (index, values), (expected, tensor) = stack.pop(), held.pop()
            assert index == expected
            assert values is tensor or (values is not None and tensor is not None and torch.equal(values, tensor))
        assert len(stack) == len(held)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(IndexError):
        stack.pop()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_what_the_disk_does_not_take_stays_in_memory(tmp_path: Path):
    run = subprocess.run([sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, timeout=60,
                         cwd=Path(__file__).parent.parent)
    assert run.stdout.strip() == "['small', 1, 0] 0", run.stderr


def test_a_folder_that_is_not_there_is_no_failure(tmp_path: Path):
    stack = Stack[int](tmp_path / "none")
    stack.push(7)
    assert stack.pop() == 7
