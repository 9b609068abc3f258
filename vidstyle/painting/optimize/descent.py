"""Two optimizers of an image whose loss is seen through several views in turn: Adam, and L-BFGS as in Gatys et al. (2016)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from vidstyle.core.choices import Optimizer
from vidstyle.ops.read_back import read_back
from vidstyle.painting.early_stopping import EarlyStopping

Loss = Callable[[int], Tensor]
"""Number of a view -> the loss of the image in it, a scalar with a gradient."""
Descent = Callable[[Tensor, Loss, int, int, float], None]
"""(what is changed, in place; its loss; views; most steps; Adam's learning rate)"""

HISTORY = 10
"""Pairs of steps and gradients that L-BFGS keeps, each twice the memory of the image."""
SHARE = 100
"""Evaluations of the loss that L-BFGS spends on one view at least: in each it begins anew, with a step as short as the gradient
is large, so that 60 evaluations shared by five views hardly paint a frame."""


def adam(values: Tensor, loss: Loss, views: int, steps: int, rate: float) -> None:
    """Adam, another view at each step, until the loss stops falling or `steps` are done."""
    optimizer = torch.optim.Adam([values], lr=rate, betas=(0.9, 0.99))
    stopping = EarlyStopping(window=4 * views)  # whole rounds of views, whose losses differ
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = rate * min(1.0, 2 * (1 - step / steps) + 0.1)  # falls over the second half
        found = loss(step % views)
        optimizer.zero_grad(set_to_none=True)
        found.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if not stopping.falls(*read_back(found.detach()[None])):
            break


def lbfgs(values: Tensor, loss: Loss, views: int, steps: int, rate: float) -> None:
    """L-BFGS with a line search, one view after another: its picture of the curvature holds for one view only.

    steps: evaluations of the loss, each as long as a step of Adam; of the views the first ones are used, with at least `SHARE`
    steps each. rate: unused, for the line search finds it.
    """
    views = max(1, min(views, steps // SHARE))
    for view in range(views):
        share = (steps * (view + 1)) // views - (steps * view) // views
        optimizer = torch.optim.LBFGS([values], max_iter=share, max_eval=share, history_size=HISTORY,
                                      line_search_fn="strong_wolfe")

        def closure(view: int = view, optimizer: torch.optim.LBFGS = optimizer) -> Tensor:
            optimizer.zero_grad(set_to_none=True)
            found = loss(view)
            found.backward()  # type: ignore[no-untyped-call]
            return found.detach()

        optimizer.step(closure)  # type: ignore[no-untyped-call]


DESCENTS: Mapping[Optimizer, Descent] = {"adam": adam, "lbfgs": lbfgs}
