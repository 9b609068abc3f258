"""vidstyle paints a video in the style of a picture, with the paint sticking to what it is painted on."""

__version__ = "0.1.0"
