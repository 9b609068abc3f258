"""Every choice that a user can make about a painting, declared once."""

from __future__ import annotations

from dataclasses import dataclass, fields
from fractions import Fraction
from pathlib import Path
from typing import Any

from vidstyle.core.choices import (
    CONTROL,
    LOOK,
    OUTPUT,
    PACE,
    WHAT,
    WITHOUT_CRF,
    Boil,
    CodecName,
    Color,
    ColorMap,
    Compare,
    Deinterlace,
    FollowInit,
    Gaps,
    Hdr,
    Init,
    OnDamage,
    Optimizer,
    Pooling,
    StrokeDirection,
    StyleLoss,
    layer_weights,
    parse_key_every,
    parse_layer,
    parse_rate,
    resolve_audio,
    resolve_flow,
    resolve_stroke_size,
)
from vidstyle.core.curve import Curve, plain
from vidstyle.core.declare import check_options, option
from vidstyle.core.parse import KeyPicture, parse_key, resolve_matte


@dataclass(frozen=True)
class Options:
    """How to paint and how to write. The defaults are the preset `standard`.

    `option` declares one choice: its default, its help, its range. The checks made here, the keys of config files and
    the command line all come from these declarations. Raises UsageError for a value of another type or out of range.
    """

    fps: Fraction | None = option(
        None, panel=WHAT, metavar="RATE", low=0.001, high=1000, parse=parse_rate, default_text="the rate in its files",
        help="Frames per second of an image sequence, or of a video stream without a container, such as 24 or 24000/1001; a "
             "movie keeps its own times.")
    gaps: Gaps = option(
        "error", panel=WHAT,
        help="A missing image in a sequence is an error, repeats the image before it (hold), or is black.")
    on_damage: OnDamage = option(
        "fail", panel=WHAT,
        help="A damaged clip is refused (fail), or its damaged frames repeat the last good frame (hold) "
             "or are painted as they are (keep).")
    preroll: int | None = option(
        None, panel=WHAT, metavar="N", low=0, high=100_000, default_text="chosen by the method",
        help="Most frames that are painted before a range and discarded, so that the range begins as it does in the full clip.")
    strength: float | Curve = option(
        1.0, panel=LOOK, metavar="NUMBER|CURVE", low=0, high=1,
        help="Amount of paint, from 0 (the source) to 1 (the full painting); a CURVE such as '0:0 48:1' changes it from "
             "frame 0 to frame 48.")
    temporal: float | Curve = option(
        1.0, panel=LOOK, metavar="NUMBER|CURVE", low=0, high=100,
        help="How strongly the paint sticks to the things it is painted on; 0 paints every frame on its own.")
    style_scale: float | Curve = option(
        1.0, panel=LOOK, metavar="NUMBER|CURVE", low=0.1, high=10,
        help="Size of the brush strokes relative to the height of the frame; 2 makes them twice as large.")
    color: Color = option(
        "style", panel=CONTROL,
        help="The painting has the colours of the style; or those of the source, pixel by pixel, under its own light and dark "
             "(source); or the style is given the clip's colours before it is painted with (match).")
    color_from: Path | None = option(
        None, panel=CONTROL, metavar="FILE", resolve=lambda text, locate: locate(text), default_text="the clip's own frames",
        help="Picture whose colours the style is given (color match).")
    color_map: ColorMap = option(
        "histogram", panel=CONTROL,
        help="How the style is given colours: mean and covariance by the map that moves colours least (symmetric), or by "
             "Cholesky factors (cholesky), or after the first also the histograms (histogram) (color match).")
    palette: Path | None = option(
        None, panel=LOOK, metavar="FILE", resolve=lambda text, locate: locate(text),
        default_text="that of the clip's own frames",
        help="Palette that the shots of a scene share, a file that batch --same-look has made.")
    seed: int = option(
        0, panel=LOOK, metavar="NUMBER", low=0, high=2**63 - 1,
        help="Start of the random numbers; another seed gives a slightly different painting.")
    key: tuple[KeyPicture, ...] = option(
        (), panel=CONTROL, metavar="FRAME=FILE", several=True, resolve=parse_key, default_text="none",
        help="Your painting of a frame, used as it is and carried to its neighbours, such as 12=painted.png; FRAME is a number "
             "as in --frames, or a time.")
    keys: Path | None = option(
        None, panel=CONTROL, metavar="PATTERN", resolve=lambda text, locate: locate(text), default_text="none",
        help="Your paintings of frames, one file for each, by the number of the frame, such as 'keys/clip_####.png'.")
    matte: tuple[str, ...] = option(
        (), panel=CONTROL, metavar="FILE[=STYLE|none]", several=True, resolve=resolve_matte, default_text="all is painted",
        help="Paint only where FILE, a grey image, movie or sequence, is white, or there in the style of the picture STYLE, or "
             "there not at all (none); several, later ones over earlier ones.")
    key_every: int = option(
        0, panel=PACE, default_text="auto", metavar="auto|N", low=0, high=10_000, parse=parse_key_every,
        help="Frames from one painted key frame to the next, or auto to follow the motion; their paint is carried to the "
             "frames between them, and 1 paints every frame.")
    strokes: float | Curve | None = option(
        None, panel=LOOK, metavar="NUMBER|CURVE", low=0, high=1, default_text="1, for feedforward 0",
        help="Amount of strokes that are copied from the style picture, from 0 (none) to 1.")
    forms: float | Curve | None = option(
        None, panel=LOOK, metavar="NUMBER|CURVE", low=0, high=1, default_text="0 under strokes, else 1; for feedforward 1",
        help="Forms under the strokes, from 0 (those of the frame itself, in the style's colours) to 1 (those that the method "
             "paints, but for small things) (methods optimize and feedforward).")
    stroke_direction: StrokeDirection = option(
        "none", panel=CONTROL,
        help="Strokes lie as in the style picture, or turned along the forms of the frame (edges) or along its motion, and "
             "where it is still along the forms (motion).")
    stroke_size: str | None = option(
        None, panel=CONTROL, metavar="FILE|detail", resolve=resolve_stroke_size, default_text="the same everywhere",
        help="Strokes are smaller, down to a third, where FILE, a grey image, movie or sequence, is dark, or where the "
             "frame has detail (detail).")
    boil: Boil = option(
        "none", panel=CONTROL,
        help="Strokes are drawn anew on purpose, as in animation by hand: on every frame of the clip (ones), on every second "
             "(twos) or on every third (threes); forms stay.")
    refresh: float | None = option(
        None, panel=CONTROL, metavar="SECONDS", low=0.1, high=3600, default_text="never",
        help="Seconds in which every place is painted anew once, patch by patch, so that the paint is renewed slowly.")
    method: str = option("optimize", panel=PACE, metavar="NAME", help="Method of painting.")
    network: Path | None = option(
        None, panel=PACE, metavar="FILE", resolve=lambda text, locate: locate(text),
        help="Network to paint with, a .safetensors file; if it is missing, a network is fitted to the clip and saved there "
             "(method feedforward).")
    fit_steps: int = option(
        70, panel=PACE, metavar="STEPS", low=0, high=100_000,
        help="Most training steps of a network that is fitted to the clip; more steps come closer to the style, 0 is a rough "
             "draft (method feedforward).")
    size: int = option(
        960, panel=PACE, metavar="PIXELS", low=16, high=16384,
        help="Longest side that is painted, in pixels; a smaller source is painted at its own size.")
    flow: str = option(
        "dis", panel=PACE, metavar="NAME", resolve=resolve_flow,
        help="Motion estimator: dis, raft (ours: carries paint further, and takes several times as long), farneback, "
             "raft-small, raft-large, or raft-small=FILE for your own checkpoint.")
    encoder: str = option(
        "builtin", panel=PACE, metavar="NAME",
        help="Network that measures style, in a fit and for --forms: builtin, builtin-wide (thin lines and closed cells, a "
             "quarter slower), vgg19 or vgg16.")
    device: str = option(
        "auto", panel=PACE, metavar="NAME",
        help="Device to compute on: auto, cpu, cuda, cuda:N or mps; the same command gives the same pixels on the same machine "
             "and device, and other devices round differently.")
    content_weight: float = option(
        0.04, low=0, high=1000, command_line=False,
        help="Weight of the content loss on relu4_2; more keeps more of the drawing.")
    style_weight: float = option(
        1.0, low=0, high=1000, command_line=False,
        help="Weight of the style loss, which is normalised to about 1 for an unpainted frame.")
    tv_weight: float = option(
        1.0, low=0, high=1000, command_line=False, help="Weight of total variation; more gives smoother paint.")
    optimize_steps: int = option(
        240, low=1, high=100_000, command_line=False,
        help="Most Adam steps on a key frame, or on the first frame of a shot, over all scales of the pyramid (forms above 0).")
    follow_steps: int = option(
        60, low=1, high=100_000, command_line=False,
        help="Most Adam steps on each later frame; with follow_init pyramid over all its scales (key_every 1, strokes 0).")
    references: tuple[int, ...] = option(
        (1,), low=1, high=64, command_line=False,
        help="Distances in frames to the earlier paintings that each frame follows; 1 is the last (key_every 1, strokes 0).")
    passes: int = option(
        1, low=1, high=99, command_line=False,
        help="Times that every frame is painted: on its own, then backward and forward in turn, an odd number; 3 and more "
             "leave no trails behind what moves, and take as long as a first frame for every frame (key_every 1, strokes 0).")
    init: Init = option(
        "source", command_line=False,
        help="A key frame, or the first frame of a shot, is painted from the frame in the style's colours (source) or from "
             "noise (forms above 0).")
    follow_init: FollowInit = option(
        "warped", command_line=False,
        help="Each later frame is painted from the earlier paintings, warped along the motion (warped), from these coarse to "
             "fine, which paints what comes into view better (pyramid), from the frame in the style's colours (source) or from "
             "noise (key_every 1, strokes 0).")
    optimizer: Optimizer = option(
        "adam", command_line=False,
        help="Adam, or L-BFGS with a line search (lbfgs), as in the papers (forms above 0).")
    style_loss: StyleLoss = option(
        "gram", command_line=False,
        help="Style is compared by Gram matrices, or by covariances and means apart (forms above 0).")
    style_layers: tuple[str, ...] = option(
        (), several=True, parse=parse_layer, command_line=False, default_text="all five, equally",
        help="Layers that measure the style, relu1_1 to relu5_1, each with its weight after = or with the weight 1; early ones "
             "see colour and grain, late ones large forms (forms above 0).")
    pooling: Pooling = option(
        "auto", command_line=False, default_text="average for a builtin encoder, max for a VGG",
        help="How the encoder shrinks its features in a descent: average, l2 or max (forms above 0).")
    output_size: int | None = option(
        None, panel=OUTPUT, metavar="PIXELS", low=16, high=16384, default_text="as the source",
        help="Longest side that is written, in pixels.")
    codec: CodecName = option("auto", panel=OUTPUT, help="Video codec that is written; auto is h264, and vp9 for .webm.")
    crf: int = option(
        16, panel=OUTPUT, metavar="NUMBER", low=0, high=63,
        help="Quality of the written video; lower is better and makes larger files; "
             f"{', '.join(WITHOUT_CRF[:-1])} and {WITHOUT_CRF[-1]} have no such scale.")
    audio: str = option(
        "copy", panel=OUTPUT, metavar="copy|none|FILE", resolve=resolve_audio,
        help="Sound of the output: a copy of the clip's own, none, or that of FILE, which begins at the clip's first frame.")
    hdr: Hdr = option(
        "refuse", panel=OUTPUT,
        help="A clip with high dynamic range is refused, stays HDR (passthrough), or becomes standard video (tonemap).")
    deinterlace: Deinterlace = option(
        "auto", panel=OUTPUT,
        help="Whole frames are made where pictures show two moments (auto), nowhere (off) or of every frame (force), or the "
             "frames of a film are put together again after 2:3 pulldown (telecine); times and count of the frames stay.")
    compare: Compare = option(
        "none", panel=OUTPUT,
        help="Review movie beside the output, with frame number and timecode: source and painting side by side, under a moving "
             "wipe, or stacked; it is named OUT_compare.mp4.")
    strict: bool = option(
        False, panel=OUTPUT, default_text="a warning",
        help="Refuse to paint if anything of the clip would be missing in the output.")

    def __post_init__(self) -> None:
        check_options(self)
        object.__setattr__(self, "references", tuple(sorted(set(self.references))))
        layer_weights(self.style_layers)

    @property
    def has_keys(self) -> bool:
        """Whether painted key frames are given."""
        return bool(self.key) or self.keys is not None

    def as_dict(self) -> dict[str, Any]:
        """Every option by name; curves as their text, other values as they are."""
        return {each.name: plain(getattr(self, each.name)) for each in fields(self)}

    def curves(self) -> dict[str, Curve]:
        """The options that change over the clip, by name."""
        return {name: value for name, value in vars(self).items() if isinstance(value, Curve)}
