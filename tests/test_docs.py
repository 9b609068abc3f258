"""The docs: links lead somewhere, Python examples run, and the errors that they explain are errors of the program."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from fake_pipeline import ROOT
from negative_method import Negative
from video_clips import make_clip

from vidstyle.core.images import write_png
from vidstyle.core.options import Options
from vidstyle.painting.methods import METHODS
from vidstyle.video import probe

PAGES = [ROOT / "README.md", ROOT / "samples" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
EXAMPLES = re.findall(r"^## ([^\n]*)\n(?:(?!^## ).)*?^```python\n(.*?)^```$",
                      (ROOT / "docs" / "python_api.md").read_text(encoding="utf-8"), re.M | re.S)  # fmt: skip


def heading_anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path):
    text = re.sub(r"^```.*?^```$|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if link.startswith("https://"):
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        assert not anchor or anchor in heading_anchors(target), link


def test_every_page_is_in_the_index():
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert {page for page in pages if f"]({page})" not in index} == set()


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 90


@pytest.mark.parametrize(("title", "code"), [example for example in EXAMPLES if "onnxruntime" not in example[1]])
def test_a_python_example_runs(title: str, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.setitem(METHODS, Options().method, Negative())
    monkeypatch.chdir(tmp_path)
    make_clip(tmp_path / "clip.mp4", frames=12)
    for number, name in enumerate(("monet", "hokusai")):
        picture = torch.rand(3, 40, 40, generator=torch.Generator().manual_seed(number))
        write_png(tmp_path / f"{name}.jpg", picture)
    exec(compile(code, f"python_api.md: {title}", "exec"), {})
    written = {path.relative_to(tmp_path).as_posix(): probe(path).frames for path in tmp_path.rglob("*_monet*.mp4")}
    written |= {path.name: probe(path).frames for path in tmp_path.glob("mixed.mp4")}
    assert written == {
        "Paint a clip": {"clip_monet.mp4": 12}, "Plan, then paint": {"mixed.mp4": 6}, "Preview": {"clip_monet_preview.mp4": 12},
        "Several shots": {"shots/clip_monet_0-5.mp4": 6, "shots/clip_monet_6-11.mp4": 6}, "Read frames": {},
    }[title]  # fmt: skip
    assert capsys.readouterr().out


def text_of(part: ast.expr) -> str:
    """A part of an f-string: of what is put in, `…`, or the first of two fixed words."""
    value = part.value.body if isinstance(part, ast.FormattedValue) and isinstance(part.value, ast.IfExp) else part
    return str(value.value) if isinstance(value, ast.Constant) else "…"


def sentences() -> Iterator[str]:
    """Every text in the package, with … for what is put in."""
    for path in (ROOT / "vidstyle").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                yield "".join(map(text_of, node.values))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def test_the_errors_that_are_explained_exist():
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    quoted = [" ".join(text.split()) for text in re.findall(r'\*\*"(.*?)"\*\*', page, re.S)]
    assert len(quoted) > 15
    known = list(sentences())
    for text in quoted:
        pieces = [re.escape(piece.strip(" .")) for piece in text.split("…") if len(piece.strip(" .")) > 3]
        assert any(re.search(".*".join(pieces), sentence, re.S) for sentence in known), text
