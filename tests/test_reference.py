"""The command reference and the man page say what the commands take, and are current."""

import importlib
import re
import shutil
import subprocess
from types import ModuleType

import pytest
import typer
from fake_pipeline import ROOT

from vidstyle.cli import app, execute
from vidstyle.core.errors import BatchError, DeviceError, InputError, OutputError, UsageError, VidstyleError

DOCS = ROOT / "docs"
COMMANDS = {f"vidstyle {name}{' ' * bool(inner)}{inner}": command
            for name, outer in typer.main.get_command(app).commands.items()
            for inner, command in getattr(outer, "commands", {"": outer}).items()}  # fmt: skip


@pytest.fixture
def reference(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(DOCS)
    return importlib.import_module("make_reference")


def test_both_files_are_current(reference: ModuleType):
    found = reference.commands()
    hint = "run: python docs/make_reference.py"
    assert (DOCS / "commands.md").read_text(encoding="utf-8") == reference.markdown(found), hint
    assert (DOCS / "vidstyle.1").read_text(encoding="utf-8") == reference.man_page(found), hint


def section(page: str, name: str) -> str:
    return page.partition(f"\n## {name}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_that_a_command_takes_is_listed(name: str):
    listed = section((DOCS / "commands.md").read_text(encoding="utf-8"), name)
    flags = {flag for parameter in COMMANDS[name].params for flag in parameter.opts if flag.startswith("--")}
    assert flags
    assert {flag for flag in flags if f"`{flag}" not in listed and f", {flag}" not in listed} == set()


def test_the_exit_codes_are_those_of_the_errors(reference: ModuleType):
    errors = (VidstyleError, UsageError, InputError, OutputError, BatchError, DeviceError)
    assert {str(error.exit_code) for error in errors} <= reference.EXIT_CODES.keys()
    assert execute(["run", "--nonsense"]) == 2


@pytest.mark.skipif(shutil.which("groff") is None, reason="there is no groff")
def test_groff_renders_the_man_page_without_a_warning():
    done = subprocess.run(["groff", "-man", "-Tascii", "-ww", str(DOCS / "vidstyle.1")], capture_output=True, text=True,
                          check=True)  # fmt: skip
    assert done.stderr == ""
    assert "--key-every" in re.sub(".\x08|\x1b\\[[0-9;]*m", "", done.stdout)  # bold is overstruck, or an escape
