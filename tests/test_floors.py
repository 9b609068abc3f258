"""Imports point down, outside libraries have one home, and no pickle is ever loaded blindly."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "vidstyle"

# A room imports only from the floors below it. In an ORDERED floor a room may also import those named before it.
FLOORS = [
    ["frame", "errors", "files"],
    ["options", "warp", "losses", "weights"],
    ["video", "flow", "encoders", "stylizers", "shots", "metrics", "pictures"],
    ["stream", "preroll", "journal", "kept", "work", "plan", "painter", "manifest",
     "pipeline", "evaluate", "train", "export", "batch"],
    ["__init__", "cli", "__main__"],
]
ORDERED = {0, 3, 4}
HOMES = {"av": "video", "typer": "cli", "rich": "cli"}


def imported(path: Path, package: Path) -> Iterator[str]:
    """Every module `path` imports, by its full name; those under TYPE_CHECKING too, for they tie rooms as well."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = path.relative_to(package.parent).parts[: -node.level] if node.level else ()
            yield from (".".join([*above, *filter(None, [node.module]), alias.name]) for alias in node.names)


def place(room: str) -> tuple[int, int]:
    """The floor of a room, and its place on it."""
    return next((floor, names.index(room)) for floor, names in enumerate(FLOORS) if room in names)


def may_import(room: str, other: str) -> bool:
    (floor, order), (below, earlier) = place(room), place(other)
    return other == room or below < floor or (below == floor and floor in ORDERED and earlier < order)


def violations(package: Path) -> list[str]:
    rooms = {path.stem if path.suffix else path.name for path in package.iterdir()}
    found = []
    for path in sorted(package.rglob("*.py")):
        name, room = path.relative_to(package), path.relative_to(package).parts[0].removesuffix(".py")
        if not any(room in names for names in FLOORS):
            found.append(f"{name}: {room} has no floor")
            continue
        for module in imported(path, package):
            top, _, rest = module.partition(".")
            if HOMES.get(top, room) != room:
                found.append(f"{name} imports {top}")
            if top == "vidstyle" and rest != "__version__":  # a constant, tied to nothing
                other = rest.partition(".")[0] if rest.partition(".")[0] in rooms else "__init__"
                if not any(other in names for names in FLOORS) or not may_import(room, other):
                    found.append(f"{name} imports {other}")
        found += [f"{name}:{line} loads a pickle" for line in blind_loads(path)]
    return found


def blind_loads(path: Path) -> Iterator[int]:
    """The lines where `torch.load` is called without `weights_only=True`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
            safe = any(word.arg == "weights_only" and ast.unparse(word.value) == "True" for word in node.keywords)
            if not safe:
                yield node.lineno


def test_the_package_keeps_its_floors():
    assert violations(PACKAGE) == []


@pytest.mark.parametrize(
    ("file", "line", "complaint"),
    [
        ("warp.py", "from vidstyle.run.pipeline import Plan", "warp.py imports pipeline"),
        ("warp.py", "from vidstyle import pipeline", "warp.py imports pipeline"),
        ("warp.py", "from .losses import gram", "warp.py imports losses"),
        ("flow/raft.py", "from ..video import probe", "flow/raft.py imports video"),
        ("flow/raft.py", "def f():\n    import vidstyle.temporal.shots", "flow/raft.py imports shots"),
        ("stream.py", "import vidstyle.run.pipeline", "stream.py imports pipeline"),
        ("pipeline.py", "import vidstyle", "pipeline.py imports __init__"),
        ("flow/dis.py", "import av.video", "flow/dis.py imports av"),
        ("batch.py", "from rich.table import Table", "batch.py imports rich"),
        ("weights.py", "import torch\ntorch.load('x.pth')", "weights.py:2 loads a pickle"),
        ("weights.py", "torch.load('x', weights_only=False)", "weights.py:1 loads a pickle"),
        ("extra.py", "", "extra.py: extra has no floor"),
    ],
)
def test_a_violation_is_caught(tmp_path: Path, file: str, line: str, complaint: str):
    package = tmp_path / "vidstyle"
    for room in ("pipeline.py", "losses.py", "shots.py", "video/__init__.py", file):
        (package / room).parent.mkdir(parents=True, exist_ok=True)
        (package / room).touch()
    (package / file).write_text(line)
    assert violations(package) == [complaint]


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("warp.py", "from vidstyle.core.frame import Frame"),
        ("flow/raft.py", "from .dis import pad\nfrom vidstyle import __version__"),
        ("batch.py", "from vidstyle.run.pipeline import Plan"),
        ("video/encode.py", "import av"),
        ("weights.py", "torch.load('x', weights_only=True)"),
    ],
)
def test_what_is_allowed_passes(tmp_path: Path, file: str, line: str):
    package = tmp_path / "vidstyle"
    for room in ("frame.py", "pipeline.py", "flow/dis.py", file):
        (package / room).parent.mkdir(parents=True, exist_ok=True)
        (package / room).touch()
    (package / file).write_text(line)
    assert violations(package) == []
