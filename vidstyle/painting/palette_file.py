"""Palette files: the palette that the shots of a scene share, as .safetensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from vidstyle.core.atomic import write_atomically
from vidstyle.core.curve import constant
from vidstyle.core.errors import InputError, OutputError, UsageError, reason
from vidstyle.core.files import check_plain, named_in_utf8
from vidstyle.painting.palette import Palette
from vidstyle.painting.style_picture import StylePicture, weights_change

FORMAT = "vidstyle-palette-1"


def save_palette(path: Path, palette: Palette, styles: Sequence[StylePicture], *, matched: bool = False) -> None:
    """Write the palette of a clip or a scene in a blend of styles; whole or not at all. Raises OutputError.

    matched: for styles that were given the colours of the scene or of a reference (color `match`).
    """
    tensors = {part.name: getattr(palette, part.name).contiguous() for part in fields(Palette)}
    metadata = {"format": FORMAT, "styles": blend_name(styles)} | ({"color": "match"} if matched else {})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, save(tensors, metadata))
    except OSError as error:
        raise OutputError(f"{path}: the palette cannot be written ({reason(error)}); choose another place.") from error


def load_palette(path: Path, styles: Sequence[StylePicture], *, matched: bool = False) -> Palette:
    """The palette of a file.

    Raises InputError for any other file, UsageError where it was made for another blend of styles or for other colours of them.
    """
    check_plain(path, "a .safetensors palette")
    try:
        with named_in_utf8(path) as named, safe_open(named, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {part.name: file.get_tensor(part.name) for part in fields(Palette)}
        shapes = [tuple(tensor.shape) for tensor in tensors.values()]
        if metadata.get("format") != FORMAT or shapes != [(3, 3), (3,), (3,), (3,)]:
            raise ValueError("holds something else")
        if not all(bool(tensor.isfinite().all()) for tensor in tensors.values()):
            raise ValueError("holds values that are no numbers")
    except (OSError, SafetensorError, ValueError) as error:
        raise InputError(f"{path}: is not a palette that vidstyle saved; give one of vidstyle batch --same-look.") from error
    if metadata["styles"] != blend_name(styles):
        raise UsageError(f"{path}: was made for other styles; give those, or another --palette.")
    if (metadata.get("color") == "match") != matched:
        made, advice = ("without", "leave that out") if matched else ("for", "give that")
        raise UsageError(f"{path}: was made {made} --color match; {advice}, or give another --palette.")
    return Palette(**tensors)


def blend_name(styles: Sequence[StylePicture]) -> str:
    """The same text for the same styles in the same shares, in any order. Raises UsageError for shares that change."""
    if weights_change(styles):
        raise UsageError("A palette that shots share holds one blend of styles, and the weights of these change; "
                         "give constant weights, or leave --palette and --same-look out.")
    whole = sum(constant(style.weight) for style in styles)
    return ",".join(sorted(f"{style.sha256}:{constant(style.weight) / whole:.4f}" for style in styles))
