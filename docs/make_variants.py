"""Make variants.jpg, the picture of docs/variants.md, from the sheet that its command has made.

    python docs/make_variants.py variants.png
"""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

WIDTH, QUALITY, MOST = 1100, 70, 120_000  # pixels, of JPEG, and bytes


def main() -> None:
    """Reduce the sheet that the command line names, as well as MOST allows."""
    target = Path(__file__).parent / "variants.jpg"
    with Image.open(sys.argv[1]) as sheet:
        picture = sheet.convert("RGB").resize((WIDTH, round(sheet.height * WIDTH / sheet.width)), Image.Resampling.LANCZOS)
    for quality in range(QUALITY, 10, -5):
        picture.save(target, quality=quality, optimize=True)
        if target.stat().st_size <= MOST:
            break
    print(target, target.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
