"""The sample clip's sound: wind, small waves on the rocks, and a few soft bell-like notes; made of noise and sines."""

from __future__ import annotations

import numpy as np

SAMPLE_RATE = 48000
NOTES = [
    (0.15, 329.63, -0.5),
    (0.62, 493.88, 0.3),
    (1.02, 440.00, -0.2),
    (1.45, 659.26, 0.5),
    (1.95, 587.33, 0.0),
    (2.38, 493.88, -0.4),
]
"""When (seconds), how high (hertz), and where between left (-1) and right (+1)."""


def _coloured(count: int, low: float, high: float, rng: np.random.Generator) -> np.ndarray:
    """Noise (2, count), of about unit strength, between `low` and `high` hertz and falling like pink noise."""
    spectrum = np.fft.rfft(rng.standard_normal((2, count)))
    hertz = np.fft.rfftfreq(count, 1 / SAMPLE_RATE)
    shape = 1 / np.sqrt(np.maximum(hertz, 20)) / (1 + (low / np.maximum(hertz, 1)) ** 4) / (1 + (hertz / high) ** 2)
    noise = np.fft.irfft(spectrum * shape, count)
    return noise / noise.std()


def soundtrack(seconds: float) -> np.ndarray:
    """(2, samples) float32 in [-1, 1] at SAMPLE_RATE: left, right."""
    count = round(seconds * SAMPLE_RATE)
    rng = np.random.default_rng([2016, 200])
    t = np.arange(count) / SAMPLE_RATE
    wind = _coloured(count, 60, 420, rng) * (0.6 + 0.4 * np.sin(2 * np.pi * t / 2.7))
    # Each wave swells, breaks and hisses away; left and right break a little apart.
    swell = np.stack([np.clip(np.sin(2 * np.pi * (t / 1.6 + shift)), 0, 1) ** 2 for shift in (0.0, 0.12)])
    sound = 0.030 * wind + 0.035 * _coloured(count, 500, 5000, rng) * (0.2 + swell)
    for start, hertz, side in NOTES:
        after = np.clip(t - start, 0, None)
        tone = sum(
            level * np.sin(2 * np.pi * hertz * part * after) * np.exp(-after * fade)
            for part, level, fade in ((1, 1.0, 1.8), (2, 0.32, 2.8), (3.01, 0.12, 5.0))
        )
        tone = tone * (1 - np.exp(-after / 0.012))
        sound += 0.13 * np.stack([tone * np.sqrt((1 - side) / 2), tone * np.sqrt((1 + side) / 2)])
    fade = np.clip(np.minimum(t / 0.05, (seconds - t) / 0.35), 0, 1)
    return (np.clip(sound * fade, -1, 1)).astype(np.float32)
