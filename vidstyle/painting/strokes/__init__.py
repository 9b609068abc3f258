"""Strokes: patches of the style picture itself, laid where a guide asks for them (Texler et al. 2019)."""

from vidstyle.painting.strokes.detail import find_detail
from vidstyle.painting.strokes.index import StrokeIndex
from vidstyle.painting.strokes.lay import lay_strokes, mend, redraw
from vidstyle.painting.strokes.wishes import Wishes, direction_of_forms, direction_of_motion

__all__ = ["StrokeIndex", "Wishes", "direction_of_forms", "direction_of_motion", "find_detail", "lay_strokes", "mend", "redraw"]
