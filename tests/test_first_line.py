"""The first line appears before torch is loaded, and a wrong option is reported without it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from fake_pipeline import ROOT
from style_images import noise
from video_clips import make_clip

from vidstyle.core.images import write_png

HEAVY = {"torch", "torchvision", "cv2", "av", "numpy", "scenedetect", "PIL", "vidstyle.video", "vidstyle.run.pipeline"}
STOP_AT_FIRST_LINE = """
import json, os, sys
class FirstLine:
    def write(self, text):
        sys.__stdout__.write(json.dumps([text, sorted(sys.modules)]))
        sys.__stdout__.flush()
        os._exit(0)
    def flush(self): pass
sys.stderr = FirstLine()
from vidstyle.cli import main
main()
"""
MODULES_AT_END = """
import json, sys
from vidstyle.cli import execute
code = execute(sys.argv[1:])
print(json.dumps([code, sorted(sys.modules)]))
"""


def python(script: str, *words: str, cwd: Path = ROOT) -> list:
    """Run `script` with `words` in a process of its own, and return the JSON of its last line."""
    done = subprocess.run([sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{script}", *words], cwd=cwd,
                          capture_output=True, text=True, timeout=120)
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["run", "a/clip.mp4", "--style", "x.jpg"], "clip.mp4: reading ..."),
        (["run", "a.mp4", "b.mp4", "--style", "x.jpg", "--dry-run"], "2 clips: reading ..."),
        (["preview", "shot.####.exr", "--style", "x.jpg:2", "--preset", "draft"], "shot.####.exr: reading ..."),
        (["run", "a.mp4", "--style", "x.jpg", "--frames", "9-1"], "vidstyle: --frames 9-1 ends before"),
        (["run", "a.mp4", "--style", "x.jpg", "--fit-steps", "9"], "vidstyle: --fit-steps has no effect"),
        (["run", "a.mp4", "--style", "x.jpg", "--codec", "prores", "--crf", "9"], "vidstyle: crf is given"),
        (["run", "a.mp4", "--style", "x.jpg", "--method", "acrylic"], "vidstyle: method is 'acrylic'"),
        (["run", "a.mp4", "--style", "x.jpg", "--size", "huge"], "vidstyle: Invalid value for '--size'"),
    ],
)
def test_the_first_line_needs_no_torch(words: list[str], line: str):
    text, modules = python(STOP_AT_FIRST_LINE, *words)
    assert text.startswith(line)
    assert HEAVY.isdisjoint(modules)


def test_the_defaults_need_no_torchvision(tmp_path: Path):
    make_clip(tmp_path / "clip.mp4", frames=3)
    write_png(tmp_path / "style.png", noise(1))
    code, modules = python(MODULES_AT_END, "run", "clip.mp4", "--style", "style.png", "--dry-run", cwd=tmp_path)
    assert (code, "torch" in modules, "torchvision" in modules) == (0, True, False)
