"""Shell completion: the script that is installed, and what it offers."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fake_pipeline import ROOT

BASH = shutil.which("bash")


def vidstyle(*words: str, home: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, with `home` as the home folder."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "HOME": str(home), **variables}
    command = [sys.executable, "-m", "vidstyle", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


def completions(words: str, home: Path) -> list[str]:
    """What is offered for the last of `words`, which has been begun."""
    done = vidstyle(home=home, _VIDSTYLE_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=str(len(words.split(" ")) - 1))
    assert done.returncode == 0
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("vidstyle pre", {"preview"}),
        ("vidstyle run --style-", {"--style-scale"}),
        ("vidstyle run a.mp4 --codec pro", {"prores"}),
        ("vidstyle run a.mp4 --method ", {"optimize", "feedforward", "palette"}),
        ("vidstyle preview a.mp4 --preset ", {"draft", "standard", "final"}),
        ("vidstyle models ", {"list", "fetch", "verify"}),
        ("vidstyle run clip", set()),  # then the shell completes file names
    ],
)
def test_what_is_offered(words: str, offered: set[str], tmp_path: Path):
    assert set(completions(words, tmp_path)) == offered


@pytest.mark.skipif(BASH is None, reason="there is no bash")
def test_bash_completes_after_the_installation(tmp_path: Path):
    done = vidstyle("--install-completion", "bash", home=tmp_path, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    assert (done.returncode, done.stderr) == (0, "")
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "vidstyle"
    command.write_text(f"#!{BASH}\nexec {sys.executable} -m vidstyle \"$@\"\n")
    command.chmod(0o755)
    script = 'source ~/.bashrc; COMP_WORDS=(vidstyle prob); COMP_CWORD=1; _vidstyle_completion vidstyle; echo "${COMPREPLY[@]}"'
    path = f"{command.parent}:{os.environ['PATH']}"
    environment = os.environ | {"HOME": str(tmp_path), "PATH": path, "PYTHONPATH": str(ROOT)}
    shell = subprocess.run([str(BASH), "--norc", "-c", script], env=environment, capture_output=True, text=True, timeout=60)
    assert shell.stdout == "probe\n"
