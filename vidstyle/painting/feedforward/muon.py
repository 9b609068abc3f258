"""Muon, an optimizer for convolution filters: momentum whose steps are orthogonalised."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn


def optimizers(parameters: Iterable[nn.Parameter], rate: float) -> list[torch.optim.Optimizer]:
    """Muon for the convolution filters among the parameters and Adam for all others, both at the learning rate `rate`."""
    every = list(parameters)
    return [Muon([p for p in every if p.ndim == 4], rate), torch.optim.Adam([p for p in every if p.ndim != 4], rate)]


class Muon(torch.optim.Optimizer):
    """Momentum steps orthogonalised by Newton-Schulz (Jordan et al. 2024), scaled to the size of Adam's (Liu et al. 2025).

    Deep layers learn in fewer steps than with Adam. torch.optim.Muon takes matrices only; here a filter (O, I, h, w) is treated
    as the matrix (O, I·h·w).
    """

    def __init__(self, params: Iterable[nn.Parameter], lr: float, momentum: float = 0.95) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        """Move every parameter that has a gradient along its orthogonalised momentum."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                buffer = self.state[p].setdefault("momentum", torch.zeros_like(p))
                buffer.mul_(group["momentum"]).add_(p.grad)
                matrix = p.grad.add(buffer, alpha=group["momentum"]).flatten(1)
                p.add_(orthogonalized(matrix).view_as(p), alpha=-group["lr"] * 0.2 * math.sqrt(max(matrix.shape)))


def orthogonalized(matrix: Tensor, steps: int = 5) -> Tensor:
    """About U Vᵀ of matrix = U S Vᵀ, singular values within 0.7 to 1.2, by the quintic Newton-Schulz iteration."""
    tall = matrix.shape[0] > matrix.shape[1]
    x: Tensor = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(steps):
        square = x @ x.T
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    return x.T if tall else x
