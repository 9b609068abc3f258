"""Every `vidstyle` command in the README and the docs is one that the program accepts."""

import re
import shlex
from pathlib import Path

import pytest
from fake_pipeline import ROOT, install, vidstyle_commands

from vidstyle.cli import execute

README = ROOT / "README.md"
FENCE = re.compile(r"^```(?:bash|sh|shell|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = [README, *sorted((ROOT / "docs").rglob("*.md"))]
FILE = re.compile(r"^<!-- file: (\S+) -->\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILES = {name: text for page in PAGES for name, text in FILE.findall(page.read_text(encoding="utf-8"))}
"""Files that the pages show, by the name under which their commands use them."""
COMMANDS = [
    pytest.param(command, id=f"{page.name}: {' '.join(command)}")
    for page in PAGES
    for block in FENCE.findall(page.read_text(encoding="utf-8"))
    for command in vidstyle_commands(block)
]


OPTIONS = re.findall(r"`(-[^`]*)`", "".join(re.findall(r"^\| .*\|$", README.read_text(encoding="utf-8"), re.M)))
"""What the README's tables add to `vidstyle run clip.mp4 --style monet.jpg`."""


@pytest.mark.parametrize("mark", ["main", "test"])
def test_the_blocks_that_ci_runs_are_marked(mark: str):
    assert len(re.findall(rf"^<!-- ci: {mark} -->\n```bash\n", README.read_text("utf-8"), re.MULTILINE)) == 1


@pytest.mark.parametrize("command", [*COMMANDS, *(
    pytest.param(["run", "clip.mp4", "--style", "monet.jpg", *shlex.split(words)], id=words) for words in OPTIONS)])
def test_a_command_of_the_readme_parses(
    command: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    install(monkeypatch)
    monkeypatch.setenv("HOME", str(tmp_path))  # where --install-completion writes
    monkeypatch.setattr("shellingham.detect_shell", lambda *_: ("bash", "bash"))
    # Folders that the commands make, and outputs that they would find, must not be those of the checkout.
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    monkeypatch.chdir(tmp_path)
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    for name in ("shots/a.mp4", "shots/b.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "shots_report").mkdir()
    (tmp_path / "shots_report/report.json").write_text('{"format": 1, "shots": []}')
    assert execute(command) == 0, capsys.readouterr().err


def test_commands_are_found_however_they_are_written():
    text = "python3 -m venv .venv && .venv/bin/vidstyle run a.mp4 \\\n  --style b.jpg  # paint\n"
    assert vidstyle_commands(text) == [["run", "a.mp4", "--style", "b.jpg"]]
    assert vidstyle_commands("$ python -m vidstyle probe 'my clip.mp4' | head\ncd vidstyle\n") == [
        ["probe", "my clip.mp4"]
    ]
