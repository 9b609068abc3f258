"""The method `feedforward`: a network that is fitted to the clip, or was trained before, paints each frame in one pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from vidstyle.core.atomic import check_folder, write_atomically
from vidstyle.core.errors import OutputError, UsageError, reason
from vidstyle.core.options import Options
from vidstyle.core.progress import Progress
from vidstyle.painting.job import KEY_PREROLL, Painter, PaintingJob

if TYPE_CHECKING:
    from torch import Tensor

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
        return self._of_network(options) | {"strokes"} | (_OF_STROKES if options.strokes else set())

    def _of_network(self, options: Options) -> frozenset[str]:
        if options.network is None or not options.network.exists():
            return _OF_A_FIT
        from vidstyle.painting.feedforward.network_file import is_trained

        if is_trained(options.network):
            return frozenset({"network", "temporal", "palette"})
        # The file of a fitted network states the share of the last painting that stays; --temporal 0 gives no last painting.
        return frozenset({"network"} if options.temporal else {"network", "temporal"})

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
        """See `Method`."""
        network = options.network
        if network is None:
            return
        if network.exists():
            from vidstyle.painting.feedforward.network_file import load_network

            load_network(network, list(styles))
        elif network.suffix.lower() != ".safetensors":
            raise UsageError(f"{network}: a network is saved as .safetensors; give it that extension.")
        else:
            check_folder(network)

    def build(self, job: PaintingJob) -> Painter:
        """See `Method`; the network is loaded, or fitted and then saved in `job.fit_store` and in the file of `--network`."""
        from vidstyle.painting.feedforward.network import kept_share
        from vidstyle.painting.feedforward.network_file import TRAINED, load_network, save_network
        from vidstyle.painting.feedforward.start import adapt_to_clip

        options, store = job.options, job.fit_store
        if options.network is not None and options.network.exists():
            network, metadata = load_network(options.network, job.styles)
            network.to(job.device)
            if metadata.get("made_by") == TRAINED:  # the palette belongs to the clip
                adapt_to_clip(network, list(job.sample_frames()), job.style, kept_share(options.temporal))
            return _painter(job, network, {})
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
        return _painter(job, network.to(job.device), losses)


def _painter(job: PaintingJob, network: PaintNetwork, losses: dict[str, float]) -> Painter:
    """The network paints every frame, or the forms of key frames under strokes."""
    from vidstyle.painting.feedforward.stylizer import FeedForwardStylizer
    from vidstyle.painting.key_frames import key_frame_painter

    paint, options = FeedForwardStylizer(network), job.options
    if options.strokes:
        return key_frame_painter(job, job.style.palette(job.sample_frames()),
                                 lambda image, prior: paint(image, () if prior is None else (prior,)),
                                 forms=1.0 if options.forms is None else options.forms, strokes=options.strokes, losses=losses)
    return Painter(lambda frame, priors: paint(frame.image, priors), losses)


def _fitted(job: PaintingJob) -> tuple[PaintNetwork, dict[str, float]]:
    """A network fitted to the clip, continued from an unfinished fit where there is one, and its last losses."""
    from vidstyle.encoders import load_encoder
    from vidstyle.painting.feedforward.fit import FitSettings, fit
    from vidstyle.painting.feedforward.network import kept_share
    from vidstyle.painting.feedforward.start import initial_network, load_start

    options, pairs = job.options, job.sample_pairs()
    # The start network reads styles through the builtin encoder, whichever encoder judges the fit.
    read = job.style if options.encoder == "builtin" else replace(job.style, encoder=load_encoder("builtin", job.device))
    network = initial_network([pair.this for pair in pairs], read, kept_share(options.temporal), load_start(job.device))
    losses: dict[str, float] = {}

    def report(step: int, found: dict[str, float], state: Callable[[], dict[str, Tensor]]) -> None:
        losses.update(found)
        job.fit_store.save(step, state)
        try:
            job.listen(Progress("fit", step, options.fit_steps, found["style"]))
        except KeyboardInterrupt:
            job.fit_store.save(step, state, now=True)
            raise

    settings = FitSettings(options.content_weight, options.style_weight, options.tv_weight, TEMPORAL * options.temporal,
                           options.fit_steps, options.seed, rate=RATE)
    fit(network, pairs, job.encoder, job.style, settings, report, job.fit_store.state())
    return network, losses


def _metadata(job: PaintingJob, losses: dict[str, float]) -> dict[str, str]:
    """The metadata of a fitted network's file."""
    from vidstyle.painting.feedforward.style_table import style_metadata

    options = job.options
    return {"clip": job.clip_name, **style_metadata(job.styles), "paint_height": str(job.height),
            "style_scale": f"{options.style_scale:g}", "seed": str(options.seed), "fit_steps": str(options.fit_steps),
            "encoder": options.encoder, "flow": options.flow, "temporal": f"{options.temporal:g}",
            **{f"loss_{name}": f"{value:.5f}" for name, value in losses.items()}}
