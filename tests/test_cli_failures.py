"""Every error ends with its exit code and one sentence."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from fake_pipeline import ROOT, RUN, Asked

from vidstyle.cli import execute
from vidstyle.core.errors import DeviceError, InputError, OutputError, UsageError
from vidstyle.run import pipeline


class OutOfMemoryError(RuntimeError):
    """Stands in for torch's, which only its text identifies on some devices."""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("x."), 2),
        (InputError("x."), 3),
        (OutputError("x."), 4),
        (DeviceError("x."), 6),
        (OSError(errno.ENOSPC, "No space left on device"), 4),
        (MemoryError(), 6),
        (OutOfMemoryError("MPS backend out of memory"), 6),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes"), 6),
        (RuntimeError("could not create a primitive"), 6),  # of oneDNN, which has no memory for a convolution
        (RuntimeError("shapes\ndiffer"), 1),
        (NotImplementedError(), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_exit_codes(error: BaseException, code: int, asked: Asked, monkeypatch: pytest.MonkeyPatch, capsys):
    def fail(*_args: object, **_kwargs: object) -> None:
        raise error

    monkeypatch.setattr(pipeline, "run", fail)
    assert execute(RUN) == code
    err = capsys.readouterr().err
    assert "Traceback" not in err
    assert err.splitlines()[-1].startswith("vidstyle: ")
    assert err.endswith(".\n")
    assert execute([*RUN, "--debug"]) == code
    assert "Traceback" in capsys.readouterr().err


def test_torch_out_of_memory(asked: Asked, monkeypatch: pytest.MonkeyPatch):
    torch = pytest.importorskip("torch")

    def fail(*_args: object, **_kwargs: object) -> None:
        raise torch.OutOfMemoryError("CUDA: tried to allocate")

    monkeypatch.setattr(pipeline, "run", fail)
    assert execute(RUN) == 6


SLOW = """
import time
from pathlib import Path
from types import SimpleNamespace
from vidstyle.core.options import Options
from vidstyle.core.progress import Progress
from vidstyle.painting import style_picture
from vidstyle.run import pipeline, plan
from vidstyle.run.preroll import Start

def plan_video(source, styles, *args, **how):
    clip = SimpleNamespace(path=source, number=lambda index: index)
    output = SimpleNamespace(target=Path(source.stem + "_m.mp4"), size=(64, 36))
    opened = SimpleNamespace(clip=clip, files=(source,))
    return plan.Plan(opened, styles, output, (0, 9), Start(0), (64, 36), Options(), "cpu")

def run(plan, *, restart, listen):
    part = Path("out.mp4.part")
    try:
        part.touch()
        for frame in range(10):
            listen(Progress("paint", frame + 1, 10))
            print("painting", flush=True)
            time.sleep(SECONDS)
    finally:
        part.unlink()

style_picture.read_styles = tuple
plan.plan_video, pipeline.run = plan_video, run
from vidstyle.cli import main
main(["run", "a.mp4", "b.mp4", "--style", "m.jpg"])
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM to send")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize(("seconds", "signals"), [(1, 1), (600, 2)], ids=["after the frame", "at once"])
def test_a_signal_stops_everything_and_leaves_nothing(number: int, code: int, seconds: int, signals: int, tmp_path: Path):
    script = SLOW.replace("SECONDS", str(seconds))
    child = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert child.stdout is not None
    assert child.stdout.readline() == "painting\n"
    assert child.stderr is not None
    child.send_signal(number)
    printed = [child.stderr.readline() for _ in range(4)]
    assert "a second Ctrl-C stops at once" in "".join(printed)
    if signals == 2:
        child.send_signal(number)
    out, err = child.communicate(timeout=120)
    assert child.returncode == code
    assert "Traceback" not in err
    assert err.splitlines()[-1].startswith("vidstyle: Stopped by ")
    assert out == ""  # no other frame was painted
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="pipes end differently on Windows")
def test_a_closed_stdout_gives_no_error_message():
    child = subprocess.Popen(
        [sys.executable, "-m", "vidstyle", "run", "--help"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert child.stdout is not None
    assert child.stderr is not None
    child.stdout.close()
    assert child.stderr.read() == b""
    assert child.wait(timeout=20) == 4
