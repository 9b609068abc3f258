"""The method `feedforward`: a network that is fitted to the clip, or was trained before, paints each frame in one pass."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from vidstyle.core.atomic import check_folder, check_name, write_atomically
from vidstyle.core.curve import Curve, most
from vidstyle.core.errors import OutputError, UsageError, reason
from vidstyle.core.options import Options
from vidstyle.core.progress import Progress
from vidstyle.painting.job import KEY_PREROLL, Painter, PaintingJob, options_of_colour, uses_of_strokes

if TYPE_CHECKING:
    from torch import Tensor

    from vidstyle.core.frame import Prior
    from vidstyle.painting.feedforward.network import PaintNetwork
    from vidstyle.painting.style_picture import StylePicture

RATE = 2.5e-3  # highest learning rate of the fit; at 4e-3 the losses end higher, and vary more from seed to seed
TEMPORAL = 5.0  # brings the temporal loss, a squared difference of pixels, to the size of the style loss
PREROLL = 24  # frames after which less than a tenth of the painting before them remains
_OF_A_FIT = frozenset({"fit_steps", "content_weight", "style_weight", "tv_weight", "encoder", "seed", "style_scale",
                       "temporal", "network", "palette"})
_OF_STROKES = frozenset({"key_every", "forms", "seed", "style_scale", "palette", "temporal"})


class FeedForwardMethod:
    """Johnson et al. (2016) with the temporal loss of Ruder et al. (2018), fitted to one clip."""

    name = "feedforward"
    summary = "fits a network to the clip, then paints each frame in one pass"

    def uses(self, options: Options) -> frozenset[str]:
        """See `Method`; a network file that exists is used as it is, and the options of a fit have no effect."""
        of_strokes = _OF_STROKES | options_of_colour(options) if options.strokes else frozenset()
        return self._of_network(options) | {"strokes"} | of_strokes | uses_of_strokes(options, options.strokes or 0)

    def _of_network(self, options: Options) -> frozenset[str]:
        if options.network is None or not os.path.exists(options.network):
            return _OF_A_FIT | options_of_colour(options)
        from vidstyle.painting.feedforward.network_file import is_trained

        if is_trained(options.network):
            return frozenset({"network", "temporal", "palette"}) | options_of_colour(options)
        # The file of a fitted network states the share of the last painting that stays; --temporal 0 gives no last painting,
        # and a curve states the share of every frame.
        constant = options.temporal and not isinstance(options.temporal, Curve)
        return frozenset({"network"} if constant else {"network", "temporal"})

    def by_key_frames(self, options: Options) -> bool:
        """See `Method`."""
        return bool(options.strokes)

    def references(self, options: Options) -> tuple[int, ...]:
        """See `Method`."""
        return (1,) if options.temporal else ()

    def preroll(self, options: Options) -> int:
        """See `Method`."""
        return KEY_PREROLL if options.strokes else PREROLL

    def check(self, options: Options, styles: Iterable[StylePicture]) -> None:
        """See `Method`; a network that is fitted has one blend of styles and one scale."""
        from vidstyle.painting.style_picture import styles_at, weights_change

        network, styles = options.network, list(styles)
        if network is None or not os.path.exists(network):
            if weights_change(styles):
                raise UsageError("A network is fitted to one blend of styles; give constant weights, another --method, or the "
                                 "--network of vidstyle train that knows the styles.")
            if isinstance(options.style_scale, Curve):
                raise UsageError("A network is fitted to one style scale; give --style-scale a number, or another --method.")
        if network is None:
            return
        if os.path.exists(network):
            from vidstyle.painting.feedforward.network_file import load_network, read_network

            if weights_change(styles) and read_network(network)[1] is None:
                raise UsageError(f"{network}: was made for one blend of styles; give constant weights, or another --network.")
            _, metadata = load_network(network, styles_at(styles, 0.0))
            made_for = metadata.get("color", _colours(options))  # a trained network states none
            if made_for != _colours(options):
                raise UsageError(f"{network}: was fitted for --color {made_for}; give that, or name another --network.")
        elif network.suffix.lower() != ".safetensors":
            raise UsageError(f"{network}: a network is saved as .safetensors; give it that extension.")
        else:
            check_folder(network)
            check_name(network, "--network")

    def build(self, job: PaintingJob) -> Painter:
        """See `Method`; the network is loaded, or fitted and then saved in `job.fit_store` and in the file of `--network`."""
        from vidstyle.painting.feedforward.network_file import load_network, save_network

        options, store = job.options, job.fit_store
        if options.network is not None and os.path.exists(options.network):
            return _painter(job, _network_at(job, options.network), {})
        if store.network is None:
            network, losses = _fitted(job)
            metadata = _metadata(job, losses)
            store.save_network(lambda path: save_network(network, path, metadata))
        fitted = store.network
        assert fitted is not None, "save_network has saved it"
        if options.network is not None:
            try:
                options.network.parent.mkdir(parents=True, exist_ok=True)
                write_atomically(options.network, fitted.read_bytes())
            except OSError as error:
                raise OutputError(f"{options.network}: the network cannot be written ({reason(error)}); "
                                  "choose another place.") from error
        network, metadata = load_network(fitted)
        losses = {name.removeprefix("loss_"): float(value) for name, value in metadata.items() if name.startswith("loss_")}
        network.to(job.device)
        return _painter(job, lambda seconds: network, losses)


def _network_at(job: PaintingJob, path: Path) -> Callable[[float], PaintNetwork]:
    """The network of a file for a frame that appears at the seconds that are given: its styles are blended by their weights."""
    from vidstyle.painting.feedforward.network import kept_share
    from vidstyle.painting.feedforward.network_file import is_trained, load_network
    from vidstyle.painting.feedforward.start import softness
    from vidstyle.painting.style_picture import styles_at, weights_change

    # The palette of a trained network belongs to the clip.
    palette = job.style.palette_at(job.sample_frames()) if is_trained(path) else None

    @lru_cache(maxsize=1)
    def at(seconds: float) -> PaintNetwork:
        network, _ = load_network(path, styles_at(job.styles, seconds))
        network.to(job.device)
        if palette is not None:
            network.keep, network.soft = kept_share(most(job.options.temporal)), softness(job.height)
            network.set_palette(palette(seconds))
        return network

    changing = weights_change(job.styles)
    return lambda seconds: at(seconds if changing else 0.0)


def _painter(job: PaintingJob, network_at: Callable[[float], PaintNetwork], losses: dict[str, float]) -> Painter:
    """The network paints every frame, or the forms of key frames under strokes."""
    from vidstyle.painting.feedforward.network import kept_share
    from vidstyle.painting.feedforward.stylizer import FeedForwardStylizer
    from vidstyle.painting.key_frame_painter import key_frame_painter

    options = job.options

    def at(seconds: float) -> FeedForwardStylizer:
        temporal = options.temporal
        keep = kept_share(temporal.at(seconds)) if isinstance(temporal, Curve) else None
        return FeedForwardStylizer(network_at(seconds), keep)

    def forms_at(seconds: float) -> Callable[[Tensor, Prior | None], Tensor]:
        paint = at(seconds)
        return lambda image, prior: paint(image, () if prior is None else (prior,))

    if options.strokes:
        return key_frame_painter(job, job.style.palette_at(job.sample_frames()), forms_at,
                                 forms=1.0 if options.forms is None else options.forms, strokes=options.strokes, losses=losses)
    return Painter(lambda frame, priors: at(frame.seconds)(frame.image, priors), losses)


def _colours(options: Options) -> str:
    """The colours that a network is fitted to paint; with `source` the run changes them afterwards."""
    return "match" if options.color == "match" else "style"


def _fitted(job: PaintingJob) -> tuple[PaintNetwork, dict[str, float]]:
    """A network fitted to the clip, continued from an unfinished fit where there is one, and its last losses."""
    from vidstyle.encoders import load_encoder
    from vidstyle.painting.feedforward.fit import FitSettings, fit
    from vidstyle.painting.feedforward.network import kept_share
    from vidstyle.painting.feedforward.start import initial_network, load_start

    options, pairs = job.options, job.sample_pairs()
    # The start network reads styles through the builtin encoder, whichever encoder judges the fit.
    read = job.style if options.encoder == "builtin" else replace(job.style, encoder=load_encoder("builtin", job.device))
    network = initial_network([pair.this for pair in pairs], read, kept_share(most(options.temporal)), load_start(job.device))
    losses: dict[str, float] = {}

    def report(step: int, found: dict[str, float], state: Callable[[], dict[str, Tensor]]) -> None:
        losses.update(found)
        job.fit_store.save(step, state)
        try:
            job.listen(Progress("fit", step, options.fit_steps, found["style"]))
        except KeyboardInterrupt:
            job.fit_store.save(step, state, now=True)
            raise

    settings = FitSettings(options.content_weight, options.style_weight, options.tv_weight, TEMPORAL * most(options.temporal),
                           options.fit_steps, options.seed, rate=RATE)
    fit(network, pairs, job.encoder, job.style, settings, report, job.fit_store.state())
    return network, losses


def _metadata(job: PaintingJob, losses: dict[str, float]) -> dict[str, str]:
    """The metadata of a fitted network's file."""
    from vidstyle.painting.feedforward.style_table import style_metadata

    options = job.options
    return {"clip": job.clip_name, **style_metadata(job.styles), "paint_height": str(job.height),
            "style_scale": f"{options.style_scale:g}", "seed": str(options.seed), "fit_steps": str(options.fit_steps),
            "color": _colours(options), "encoder": options.encoder, "flow": options.flow, "temporal": f"{options.temporal:g}",
            **{f"loss_{name}": f"{value:.5f}" for name, value in losses.items()}}
