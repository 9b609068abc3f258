"""Images made from random numbers: frames with structure at several scales, and a style image."""

import torch
from torch import Tensor


def noise(seed: int, size: int = 64) -> Tensor:
    """(3, size, size) in [0, 1]: noise at three scales."""
    generator = torch.Generator().manual_seed(seed)
    layers = [torch.rand(1, 3, side, side, generator=generator) for side in (4, 16, 64)]
    grown = [torch.nn.functional.interpolate(layer, (size, size), mode="bilinear") for layer in layers]
    return torch.stack(grown).mean(0)[0]


def bricks(size: int = 128) -> Tensor:
    """(3, size, size) in [0, 1], a style image: rows of bricks in three colours, each row shifted."""
    y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    row = y // 16
    mortar = (y % 16 < 3) | ((x + 12 * row) % 32 < 3)
    tint = ((x + 12 * row) // 32 + 2 * row) % 3
    colours = torch.tensor([[0.7, 0.25, 0.15], [0.55, 0.2, 0.2], [0.85, 0.45, 0.2]])
    return torch.where(mortar[..., None], torch.tensor([0.85, 0.85, 0.75]), colours[tint]).permute(2, 0, 1)
