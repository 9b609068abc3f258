"""vidstyle paints a video in the style of a picture, with the paint sticking to what it is painted on.

    from pathlib import Path
    from vidstyle import Style, load_options, stylize_video

    stylize_video(Path("clip.mp4"), [Style(Path("monet.jpg"))], options=load_options("draft"))
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vidstyle.core.config import load_options
    from vidstyle.core.options import Options
    from vidstyle.run.pipeline import Selection, Style, plan_video, preview_video, stylize_video

__version__ = "0.1.0"
__all__ = ["Options", "Selection", "Style", "load_options", "plan_video", "preview_video", "stylize_video"]


def __getattr__(name: str) -> Any:
    """Load the front door's names when they are first asked for: torch takes seconds, `vidstyle --help` should not."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = {"Options": "core.options", "load_options": "core.config"}.get(name, "run.pipeline")
    return getattr(import_module(f"vidstyle.{home}"), name)
