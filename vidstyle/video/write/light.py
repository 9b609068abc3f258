"""The mastering display and content light of HDR video, as parameters of the encoders."""

from __future__ import annotations

from collections.abc import Mapping

from vidstyle.video.pixels.hdr import HdrMetadata

_OPTIONS = {"libx264": "x264-params", "libx265": "x265-params", "libsvtav1": "svtav1-params"}
_NAMES = {"libx264": ("mastering-display", "cll"), "libx265": ("master-display", "max-cll"),
          "libsvtav1": ("mastering-display", "content-light")}


def light_parameters(hdr: HdrMetadata, encoder: str, options: Mapping[str, str]) -> dict[str, str]:
    """The encoder option that states `hdr`, added to what `options` hold for it; {} where the encoder cannot state it."""
    if encoder not in _OPTIONS:
        return {}
    whole, (display, light), found = encoder != "libsvtav1", _NAMES[encoder], list[str]()
    if hdr.display_primaries:
        red, green, blue, white = (",".join(str(round(v * 50000)) if whole else f"{v:.5f}" for v in xy)
                                   for xy in hdr.display_primaries)
        low, high = (str(round(v * 10000)) if whole else f"{v:.4f}" for v in hdr.display_luminance)
        found.append(f"{display}=G({green})B({blue})R({red})WP({white})L({high},{low})")
    if hdr.content_light is not None:
        found.append(f"{light}={hdr.content_light[0]},{hdr.content_light[1]}")
    name = _OPTIONS[encoder]
    return {name: ":".join([*(text for text in (options.get(name),) if text), *found])} if found else {}
