"""The source distribution holds what its own tests import and read."""

import ast
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_it_holds_every_folder_that_the_tests_import():
    included = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    folders = {path.name for path in ROOT.iterdir() if path.is_dir()}
    needed = set()
    for path in (ROOT / "tests").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else (
                [node.module or ""] if isinstance(node, ast.ImportFrom) else [])
            needed |= {name.partition(".")[0] for name in names} & folders
    assert {"vidstyle", "benchmarks", "training", "samples"} <= needed
    assert {f"/{name}" for name in (*needed, "docs", "configs")} <= set(included)
