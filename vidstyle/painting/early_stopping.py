"""Stop a descent whose loss has stopped falling."""

from __future__ import annotations


class EarlyStopping:
    """Compares, every `window` steps, the mean loss of the last `window` steps with that of the `window` steps before."""

    def __init__(self, window: int, least: float = 0.01) -> None:
        """least: the share by which the mean loss must have fallen for the descent to go on."""
        self.window, self.least = window, least
        self.losses: list[float] = []
        """Every loss so far, in order; the whole state."""

    def falls(self, loss: float) -> bool:
        """Add the loss of one step; False where the losses no longer fall. True for all steps between two comparisons."""
        self.losses.append(loss)
        if len(self.losses) < 2 * self.window or len(self.losses) % self.window:
            return True
        now, before = self.losses[-self.window :], self.losses[-2 * self.window : -self.window]
        return sum(now) < (1 - self.least) * sum(before)
