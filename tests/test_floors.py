"""Imports point down, rooms are free of circles, outside libraries have one home, and no pickle is ever loaded blindly."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "vidstyle"

# From the ground up. A room is a folder or a module, and the longest name that fits decides; it imports from the floors
# below its own, and from no other room on its own floor.
FLOORS = [
    ["core"],
    ["ops", "models", "painting.palette", "video.pixels", "video.tracks"],
    ["flow", "encoders", "painting.style", "painting.style_picture", "painting.colour_map", "painting.frame_pair",
     "painting.early_stopping", "temporal", "video.clip", "video.settings", "video.packets", "video.limits", "video.captions"],
    ["painting.job", "painting.strokes"],
    ["painting.key_frames"],
    ["painting.changing"],
    ["painting.key_frame_painter"],
    ["painting.optimize", "painting.feedforward", "video.images"],
    ["painting", "video.interfaces", "video.read"],
    ["video.write"],
    ["video"],
    ["run.resume"],
    ["run"],
    ["batch", "evaluate", "export", "__init__"],
    ["train"],
    ["cli"],
    ["__main__"],
]
HOMES = {"av": "video", "typer": "cli", "rich": "cli", "OpenEXR": "video", "filelock": "run", "ray": "batch",
         "opentimelineio": "batch"}


def module_of(path: Path, package: Path) -> str:
    """The name of a file's module inside the package, `core.frame`; a folder's `__init__.py` goes by the folder's name."""
    parts = path.relative_to(package).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def imported(path: Path, package: Path) -> Iterator[str]:
    """Every module `path` imports, by its full name; those under TYPE_CHECKING too, for they tie rooms as well."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = path.relative_to(package.parent).parts[: -node.level] if node.level else ()
            yield from (".".join([*above, *filter(None, [node.module]), alias.name]) for alias in node.names)


def inner(path: Path, package: Path, modules: set[str]) -> Iterator[str]:
    """The package's own modules that `path` imports."""
    for name in imported(path, package):
        if name != package.name and not name.startswith(f"{package.name}."):
            continue
        parts = name.split(".")[1:]
        if parts == ["__version__"]:
            continue  # a constant, tied to nothing
        while parts and ".".join(parts) not in modules:
            parts.pop()  # the last parts are names in a module
        yield ".".join(parts) or "__init__"


def room_of(module: str) -> tuple[int, str] | None:
    """Floor and name of the room that a module lies in."""
    found = [(floor, room) for floor, rooms in enumerate(FLOORS) for room in rooms
             if module == room or module.startswith(f"{room}.")]
    return max(found, key=lambda place: len(place[1]), default=None)


def violations(package: Path) -> list[str]:
    files = {module_of(path, package): path for path in sorted(package.rglob("*.py"))}
    found, ties = [], dict[str, set[str]]()
    for module, path in files.items():
        name, place = path.relative_to(package).as_posix(), room_of(module)
        if place is None:
            found.append(f"{name}: has no floor")
            continue
        homeless = {full.partition(".")[0] for full in imported(path, package)} & HOMES.keys()
        found += [f"{name} imports {top}" for top in sorted(homeless) if module.partition(".")[0] != HOMES[top]]
        ties[module] = set(inner(path, package, set(files))) - {module}
        for other in sorted(ties[module]):
            there = room_of(other)
            if there is None or (there != place and there[0] >= place[0]):
                found.append(f"{name} imports {other}")
        found += [f"{name}:{line} loads a pickle" for line in blind_loads(path)]
    try:
        TopologicalSorter(ties).prepare()
    except CycleError as error:
        found.append("circle: " + " -> ".join(error.args[1]))
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


def test_every_room_of_the_floors_exists():
    rooms = {place[1] for path in PACKAGE.rglob("*.py") if (place := room_of(module_of(path, PACKAGE)))}
    assert rooms == {room for floor in FLOORS for room in floor}


def house(folder: Path, file: str, line: str) -> Path:
    package = folder / "vidstyle"
    for module in ("core/frame.py", "core/errors.py", "ops/losses.py", "temporal/shots.py", "flow/dis.py", "video/__init__.py",
                   "run/plan.py", "run/pipeline.py", "__init__.py", file):
        (package / module).parent.mkdir(parents=True, exist_ok=True)
        (package / module).touch()
    (package / file).write_text(line)
    return package


@pytest.mark.parametrize(
    ("file", "line", "complaint"),
    [
        ("ops/warp.py", "from vidstyle.run.pipeline import Plan", "ops/warp.py imports run.pipeline"),
        ("ops/warp.py", "from vidstyle.run import pipeline", "ops/warp.py imports run.pipeline"),
        ("core/frame.py", "from ..ops.losses import gram", "core/frame.py imports ops.losses"),
        ("flow/raft.py", "from ..video import probe", "flow/raft.py imports video"),
        ("flow/raft.py", "def f():\n    import vidstyle.temporal.shots", "flow/raft.py imports temporal.shots"),
        ("run/resume/journal.py", "import vidstyle.run.pipeline", "run/resume/journal.py imports run.pipeline"),
        ("run/pipeline.py", "import vidstyle", "run/pipeline.py imports __init__"),
        ("flow/dis.py", "import av.video", "flow/dis.py imports av"),
        ("batch/shot.py", "from rich.table import Table", "batch/shot.py imports rich"),
        ("models/registry.py", "import torch\ntorch.load('x.pth')", "models/registry.py:2 loads a pickle"),
        ("models/registry.py", "torch.load('x', weights_only=False)", "models/registry.py:1 loads a pickle"),
        ("extra.py", "", "extra.py: has no floor"),
    ],
)
def test_a_violation_is_caught(tmp_path: Path, file: str, line: str, complaint: str):
    assert violations(house(tmp_path, file, line)) == [complaint]


def test_a_circle_inside_a_room_is_caught(tmp_path: Path):
    package = house(tmp_path, "flow/dis.py", "from vidstyle.flow import raft")
    (package / "flow" / "raft.py").write_text("from vidstyle.flow import dis")
    [complaint] = violations(package)
    assert complaint.startswith("circle: ")


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("ops/warp.py", "from vidstyle.core.frame import Frame"),
        ("flow/raft.py", "from .dis import pad\nfrom vidstyle import __version__"),
        ("batch/shot.py", "from vidstyle.run.plan import Plan"),
        ("video/write/movie.py", "import av"),
        ("models/registry.py", "torch.load('x', weights_only=True)"),
    ],
)
def test_what_is_allowed_passes(tmp_path: Path, file: str, line: str):
    assert violations(house(tmp_path, file, line)) == []
