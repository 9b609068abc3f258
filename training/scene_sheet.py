"""Write a sheet of generated pairs: both frames, the motion in colour, hidden pixels in black. Prints pairs per second.

    python training/scene_sheet.py SHEET.png --data DATA --count 12
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from torchvision.utils import flow_to_image

sys.path.insert(0, str(Path(__file__).parent.parent))  # `training` is not installed

from training.moving_scenes import MovingScenes, Pair


def row(pair: Pair) -> NDArray[np.uint8]:
    """(H, 4 W, 3) uint8 RGB: last, this, to_last in colour with its greatest length, this with hidden pixels in black."""
    largest = float(pair.to_last.norm(dim=0).max())
    visible = pair.this * pair.visible_in_last
    parts = [part.permute(1, 2, 0).numpy() for part in (pair.last, pair.this, flow_to_image(pair.to_last), visible)]
    parts[2] = cv2.putText(parts[2].copy(), f"{largest:.2f} px", (6, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0))
    return np.hstack(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sheet", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--count", type=int, default=12)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--size", type=int, nargs=2, default=(256, 256), metavar=("H", "W"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plain", action="store_true", help="without blur, fog, noise and other effects")
    args = parser.parse_args()
    scenes = MovingScenes(args.first + args.count, tuple(args.size), data=args.data, seed=args.seed, effects=not args.plain)
    began = time.perf_counter()
    pairs = [scenes[index] for index in range(args.first, len(scenes))]
    print(f"{args.count / (time.perf_counter() - began):.1f} pairs per second")
    rows = [row(pair) for pair in pairs]
    half = (len(rows) + 1) // 2
    rows += [np.zeros_like(rows[0])] * (2 * half - len(rows))
    sheet = np.hstack([np.vstack(rows[:half]), np.vstack(rows[half:])])
    cv2.imwrite(str(args.sheet), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))


if __name__ == "__main__":
    main()
