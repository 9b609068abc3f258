"""A signal may stop a run at any line of its saves: what is on disk afterwards is some number of whole frames."""

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from fractions import Fraction
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import torch
from stopped_runs import save_often

from vidstyle.core.frame import Frame, Memory
from vidstyle.run.resume import folder as room
from vidstyle.run.resume.fit_checkpoint import FitCheckpoint
from vidstyle.run.resume.folder import RunFolder, work_folder
from vidstyle.run.resume.frame_log import FrameLog
from vidstyle.video import Written

ROOM = str(Path(room.__file__).parent)
JOB, FRAMES, LENGTH = {"frames": "[0, 3]", "network": "fitted"}, 4, 2


class Sink:
    """Stands in for an encoder whose segments are the numbers of their frames."""

    def __init__(self) -> None:
        self.numbers: list[int] = []

    def write(self, number: int) -> Written:
        self.numbers.append(number)
        ends = len(self.numbers) % LENGTH == 0
        return Written(bytes([number]) * 9, bytes(self.numbers[-LENGTH:]) if ends else None)

    def restore(self, segments: Sequence[Path], samples: Iterable[bytes] = ()) -> None:
        for path in segments:
            self.numbers += path.read_bytes()
        for one in samples:
            assert one == one[:1] * 9
            self.numbers.append(one[0])


def memory(number: int) -> Memory:
    image = torch.full((3, 2, 2), float(number))
    return Memory(Frame(image, number, Fraction(1, 24), number), image)


def run(target: Path) -> None:
    """Fit and write all frames that are not there yet, as a run does."""
    with RunFolder(target, dict(JOB)) as folder, FrameLog(folder, FRAMES) as log:
        checkpoint = FitCheckpoint(folder)
        if checkpoint.network is None:
            begun = checkpoint.state()
            for step in range(int(begun["step"]) + 1 if begun else 1, 3):
                checkpoint.save(step, lambda step=step: {"step": torch.tensor(step)})
            checkpoint.save_network(lambda path: path.write_bytes(b"network") and None)
        sink = Sink()
        memories = log.restore(sink, "cpu")
        done = len(log.facts)
        assert sink.numbers == [fact["index"] for fact in log.facts] == list(range(done))
        assert [one.frame.index for one in memories] == ([done - 1] if done else [])
        assert all(float(one.painting.mean()) == done - 1 for one in memories)
        for number in range(done, FRAMES):
            log.append(sink.write(number), [memory(number)], index=number)
        log.save()
        assert [fact["index"] for fact in log.facts] == list(range(FRAMES))


class Interrupt:
    """Raises KeyboardInterrupt as line number `at` of the room is about to be run, over all its files in the order of time.

    A line counts each of its first five times: for the journal these are two states of the fit, the network, and two frames.
    """

    def __init__(self, at: int) -> None:
        self.at, self.lines, self.times = at, 0, Counter[tuple[str, int]]()

    def __call__(self, frame: FrameType, event: str, arg: Any) -> Any:
        if not frame.f_code.co_filename.startswith(ROOM):
            return None
        line = frame.f_code.co_filename, frame.f_lineno
        if event == "line" and self.times[line] < 5:
            self.times[line] += 1
            self.lines += 1
            if self.lines == self.at:
                raise KeyboardInterrupt
        return self


def lines_of(target: Path, at: int = 0) -> int:
    """Run and count the lines; raises KeyboardInterrupt at line `at`."""
    interrupt = Interrupt(at)

    def job() -> None:
        sys.settrace(interrupt)
        run(target)

    # In a thread of its own: CPython 3.11 does not always end an `except` block that is interrupted in this manner, and the
    # exception would be the context of every later one in the thread.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(job).result()
    return interrupt.lines


def test_a_run_continues_whichever_line_was_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    save_often(monkeypatch)
    # The system releases the lock of a process that ends; here, the process goes on.
    monkeypatch.setattr(room, "locked", nullcontext)
    monkeypatch.setattr("os.fsync", lambda _: None)  # the power stays on
    lines = lines_of(tmp_path / "whole.mp4")
    for at in range(1, lines + 1):
        target = tmp_path / f"{at}.mp4"
        with pytest.raises(KeyboardInterrupt):
            lines_of(target, at)
        run(target)
        assert not work_folder(target).exists()
