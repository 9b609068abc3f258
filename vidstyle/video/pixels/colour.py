"""The colour tags of a clip, and what is assumed where a tag is missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vidstyle.core.errors import InputError

UNSPECIFIED = 2  # of a matrix, primaries or a transfer; of a range it is 0

_CODES = {0: "rgb", 1: "bt709", 4: "fcc", 5: "bt601", 6: "bt601", 7: "smpte240m", 9: "bt2020nc"}
_PRIMARIES = {1: "bt709", 4: "bt470m", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "film", 9: "bt2020",
              11: "dci-p3", 12: "display-p3"}
_TRANSFERS = {1: "bt709", 4: "gamma22", 5: "gamma28", 6: "smpte170m", 7: "smpte240m", 8: "linear", 13: "srgb",
              14: "bt2020-10", 15: "bt2020-12", 16: "pq", 18: "hlg"}
_SITES = {"center": (False, False), "topleft": (True, True), "top": (False, True)}


@dataclass(frozen=True)
class Colour:
    """The colour tags of a clip as read (numbers of ISO/IEC 23091-2) and what is used where they are missing."""

    matrix_tag: int
    range_tag: int
    """0 not stated, 1 limited, 2 full."""
    primaries_tag: int
    transfer_tag: int
    matrix: str
    """Matrix that is used, a key of `yuv.MATRICES`, or `rgb` where the file holds RGB."""
    full_range: bool
    """Range that is used: black is 0 and white the highest code, or 16 and 235 (at 8 bits)."""
    location: str = "unspecified"
    """Where the samples of 4:2:0 chroma lie, by FFmpeg's names."""

    @property
    def cosited(self) -> tuple[bool, bool]:
        """Whether 4:2:0 chroma lies on columns of luma, and on rows of luma, or halfway between; the default is H.264's."""
        return _SITES.get(self.location, (True, False))

    @property
    def hdr(self) -> str | None:
        """`pq` or `hlg` for a transfer of high dynamic range."""
        return _TRANSFERS[self.transfer_tag] if self.transfer_tag in (16, 18) else None

    @property
    def assumed(self) -> tuple[str, ...]:
        """What the file does not state and is assumed, in words."""
        found = []
        if self.matrix_tag == UNSPECIFIED and self.matrix != "rgb":
            found.append(f"matrix {self.matrix}")
        if self.range_tag == 0 and self.matrix != "rgb":
            found.append("full range" if self.full_range else "limited range")
        return tuple(found)

    def as_dict(self) -> dict[str, Any]:
        """The tags by name, in types that JSON has."""
        names = {"primaries": _PRIMARIES.get(self.primaries_tag), "transfer": _TRANSFERS.get(self.transfer_tag)}
        return {"matrix": self.matrix, "range": "full" if self.full_range else "limited",
                "primaries": names["primaries"] or "unspecified", "transfer": names["transfer"] or "unspecified",
                "tags": {"matrix": self.matrix_tag, "range": self.range_tag, "primaries": self.primaries_tag,
                         "transfer": self.transfer_tag}, "chroma_location": self.location, "assumed": list(self.assumed)}


def resolve_colour(matrix: int, range_: int, primaries: int, transfer: int, *, width: int, height: int, rgb: bool,
           full_by_format: bool, location: str = "unspecified") -> Colour:
    """The colours of a frame with these tags; width and height in pixels.

    Untagged video of 720 lines or 1280 columns and more is BT.709, smaller is BT.601; that is what players do.
    Untagged range is limited, except in formats that are full range by name (`yuvj420p`). The same matrix is used
    both ways and a missing tag stays missing, so a wrong guess cancels. Raises InputError for rare matrices.
    """
    if rgb:
        return Colour(matrix, range_, primaries, transfer, "rgb", True)
    name = _CODES.get(matrix, "bt709" if height >= 720 or width >= 1280 else "bt601")
    if name == "rgb" or (matrix not in _CODES and matrix not in (UNSPECIFIED, 3)):
        raise InputError(f"The clip's colour matrix has number {matrix}, which this version does not know; "
                         "convert it to BT.709 first.")
    full_range = range_ == 2 or (range_ != 1 and full_by_format)
    return Colour(matrix, range_, primaries, transfer, name, full_range, location)
