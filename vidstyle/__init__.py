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
    from vidstyle.painting.style_picture import Style
    from vidstyle.run.pipeline import preview as preview_plan
    from vidstyle.run.pipeline import preview_video, stylize_video
    from vidstyle.run.pipeline import run as run_plan
    from vidstyle.run.plan import Plan, Selection, plan_video
    from vidstyle.run.result import Result

__version__ = "0.1.0"
__all__ = ["Options", "Plan", "Result", "Selection", "Style", "load_options", "plan_video", "preview_plan", "preview_video",
           "run_plan", "stylize_video"]

_HOMES = {"Options": "core.options", "load_options": "core.config", "Style": "painting.style_picture", "Plan": "run.plan",
          "Selection": "run.plan", "plan_video": "run.plan", "Result": "run.result"}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: torch takes seconds to load, and `vidstyle --help` must not wait for it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # `run` itself is the name of the room, which hides a function of this name.
    return getattr(import_module(f"vidstyle.{_HOMES.get(name, 'run.pipeline')}"), name.removesuffix("_plan"))
