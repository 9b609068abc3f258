"""Contact sheets: sources above paintings, large enough to judge, with readable text; and the sheet of a preview as a whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from negative_method import Negative
from PIL import Image
from style_images import bricks
from video_clips import make_clip

from vidstyle.core.contact_sheet import LEAST_SIDE, contact_sheet, frame_side
from vidstyle.core.images import write_png
from vidstyle.core.options import Options
from vidstyle.core.text import burn_in, draw_text
from vidstyle.painting import methods
from vidstyle.painting.style_picture import Style
from vidstyle.run.pipeline import preview_video
from vidstyle.run.plan import Selection


def coloured(height: int, width: int, channel: int) -> torch.Tensor:
    image = torch.zeros(3, height, width)
    image[channel] = 1
    return image


def runs(line: torch.Tensor) -> list[str]:
    """Names of the colours along a line (3, n), red, blue or nothing, without repetitions."""
    names = ["red" if r > 0.99 and b < 0.01 else "blue" if b > 0.99 and r < 0.01 else "" for r, _, b in line.T.tolist()]
    return [name for name, last in zip(names, ["", *names], strict=False) if name and name != last]


@pytest.mark.parametrize(("count", "across", "rows"), [(1, 1, 1), (2, 2, 1), (3, 3, 1), (4, 2, 2), (5, 3, 2), (7, 3, 3)])
def test_sources_are_above_paintings(count: int, across: int, rows: int) -> None:
    red, blue = coloured(90, 160, 0), coloured(45, 80, 2)
    sheet = contact_sheet([(red, blue)] * count, [f"frame {number}" for number in range(count)])
    assert runs(sheet[:, :, 20]) == ["red", "blue"] * rows
    assert (sheet.min() >= 0, sheet.max() <= 1) == (True, True)
    reds = (sheet[0, 100] > 0.99) & (sheet[2, 100] < 0.01)  # a line through the first row's sources
    assert int(reds.sum()) == across * LEAST_SIDE  # 160 pixels are enlarged to 640, and no further


def test_large_frames_fill_the_sheet() -> None:
    large = coloured(1080, 2000, 0), coloured(1080, 2000, 2)
    widths = [int(((line[0] > 0.99) & (line[2] < 0.01)).sum()) // min(3, count) for count in (1, 2, 3)
              for line in [contact_sheet([large] * count)[:, 100]]]
    assert widths == [frame_side(1), frame_side(2), frame_side(3)]
    assert widths[0] > widths[1] > widths[2] == LEAST_SIDE


def test_an_upright_frame_is_as_large() -> None:
    sheet = contact_sheet([(coloured(160, 90, 0), coloured(90, 160, 2))])
    assert int(((sheet[0] > 0.99) & (sheet[2] < 0.01)).any(1).sum()) == LEAST_SIDE
    assert runs(sheet[:, :, sheet.shape[2] // 4]) == ["red", "blue"]  # the painting is fitted into the upright tile


def test_a_sheet_needs_a_pair() -> None:
    with pytest.raises(ValueError, match="at least one"):
        contact_sheet([])


def test_the_heading_has_the_style_pictures_and_its_lines() -> None:
    red, style = coloured(90, 160, 0), coloured(300, 200, 1)
    plain, headed = contact_sheet([(red, red)]), contact_sheet([(red, red)], heading=["title", "line"], pictures=[style])
    height = headed.shape[1] - plain.shape[1]
    head, rest = headed[:, :height], headed[:, height:]
    assert torch.equal(rest, plain)
    green = (head[1] > 0.99) & (head[0] < 0.01)
    assert int(green.any(1).sum()) == 200  # rows: the style picture is reduced to 200 pixels
    assert int(green.any(0).sum()) == round(200 * 200 / 300)
    beside = head[:, :, 160:]
    assert beside.max() > 0.5
    assert beside[:, :60].max() > 0.5


def test_text_is_cut_where_there_is_no_room() -> None:
    whole, cut = draw_text("a long sentence about a painting", 20), draw_text("a long sentence about a painting", 20, 100)
    assert cut.shape[1] <= 100 < whole.shape[1]
    assert torch.equal(cut[:, :40], whole[:, :40])
    assert torch.equal(draw_text("été", 20), draw_text("ete", 20))  # the font has no accents
    assert draw_text("", 20).shape[0] == whole.shape[0]


@pytest.mark.parametrize(("right", "bottom"), [(False, False), (True, False), (False, True), (True, True)])
def test_burnt_in_text_is_white_on_a_darkened_corner(right: bool, bottom: bool) -> None:
    image = torch.full((3, 120, 200), 0.5)
    burn_in(image, "frame 7", 16, right=right, bottom=bottom)
    corner = image.flip(2) if right else image
    corner = corner.flip(1) if bottom else corner
    assert corner[:, :60, :100].max() > 0.95
    assert corner[:, :60, :100].min() < 0.3
    assert (corner[:, 60:] == 0.5).all()
    assert (corner[:, :, 150:] == 0.5).all()


def test_text_fits_into_any_image() -> None:
    for size in ((3, 4), (16, 16), (9, 300)):
        image = torch.zeros(3, *size)
        burn_in(image, "frame 1234   01:00:00:00", 12, bottom=True)
        assert image.shape == (3, *size)


def test_the_sheet_of_a_preview(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(methods.METHODS, "negative", Negative())
    clip = make_clip(tmp_path / "clip.mp4", frames=9, size=(64, 48))
    style = tmp_path / "style.png"
    write_png(style, bricks())
    result = preview_video(clip, [Style(style)], options=Options(method="negative", device="cpu"),
                           selection=Selection(frames=(2, 7)), count=3)
    assert result.plan.sheet is not None
    with Image.open(result.plan.sheet) as sheet:
        pixels = np.asarray(sheet.convert("RGB"), np.float32) / 255
    assert pixels.shape[1] > 3 * LEAST_SIDE
    # The painting is the negative: a source and its painting add up to white, the tiles one above the other.
    tall = round(LEAST_SIDE * 48 / 64)
    bottom = pixels.shape[0] - 12
    painting, source = pixels[bottom - tall:bottom, 12:652], pixels[bottom - 2 * tall - 6:bottom - tall - 6, 12:652]
    assert np.abs(source + painting - 1).mean() < 0.05
