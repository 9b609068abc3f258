"""The encoders: names, shapes, which layers are computed, and known numbers on a generated image."""

import pytest
import torch
from torchvision import models

from vidstyle.core.errors import InputError, UsageError
from vidstyle.encoders import BUILTIN, load_encoder
from vidstyle.encoders.builtin import BuiltinEncoder
from vidstyle.encoders.vgg import VGG
from vidstyle.models import registry
from vidstyle.ops.losses import CONTENT_LAYER, STYLE_LAYERS


def pattern(height: int = 64, width: int = 96) -> torch.Tensor:
    """A smooth colour pattern, the same on every machine."""
    y, x = torch.linspace(0, 1, height)[:, None], torch.linspace(0, 1, width)[None]
    return torch.stack([0.5 + 0.5 * torch.sin(9 * x + 4 * y), x * y + 0 * x, 0.5 + 0.5 * torch.cos(17 * y - 3 * x)])[None]


@pytest.mark.parametrize("name", BUILTIN)
def test_builtin_gives_every_layer_of_the_losses(name: str):
    found = load_encoder(name)(pattern(), [*STYLE_LAYERS, CONTENT_LAYER])
    widths = {f"relu{layer}": width for layer, width, _ in BUILTIN[name][0]}
    for layer, value in found.items():
        shrink = 2 ** (int(layer[4]) - 1)
        assert value.shape == (1, widths[layer], 64 // shrink, 96 // shrink)
        assert float(value.min()) >= 0


@pytest.mark.parametrize("name", ["vgg19", "vgg16"])
def test_vgg_layers_are_torchvisions(name: str, monkeypatch: pytest.MonkeyPatch):
    """Read-out by name against running torchvision's own chain up to the index the literature gives."""
    torch.manual_seed(0)
    reference = getattr(models, name)().eval()
    index = {"vgg19": {"relu1_1": 1, "relu3_1": 11, "relu4_2": 22, "relu5_1": 29},
             "vgg16": {"relu1_1": 1, "relu3_1": 11, "relu4_2": 20, "relu5_1": 25}}[name]
    network = VGG(name)
    network.features.load_state_dict(
        {k: v for k, v in reference.features.state_dict().items() if int(k.split(".")[0]) <= index["relu5_1"]})
    image = pattern(32, 48)
    found = network(image, list(index))
    normalised = (image - network.mean) / network.std
    for layer, place in index.items():
        torch.testing.assert_close(found[layer], reference.features[: place + 1](normalised))


def test_only_the_layers_that_are_needed_are_computed():
    network, run = VGG("vgg19"), []
    for name, module in zip(network.names, network.features, strict=True):
        module.register_forward_hook(lambda *_, name=name: run.append(name))
    network(pattern(32, 32), ["relu2_1", "relu1_1"])
    assert len(run) == 7  # conv, relu, conv, relu, pool, conv, relu


def test_the_encoder_is_frozen_and_lets_gradients_through():
    encoder = load_encoder("builtin")
    assert not any(parameter.requires_grad for parameter in encoder.parameters())
    image = pattern().requires_grad_()
    encoder(image, ["relu3_1"])["relu3_1"].sum().backward()
    assert float(image.grad.abs().sum()) > 0


def test_an_unknown_name_and_missing_weights_are_refused(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(UsageError, match="builtin, builtin-wide, vgg19, vgg16"):
        load_encoder("resnet")

    def offline(name: str) -> None:
        raise InputError("offline")

    monkeypatch.setattr("vidstyle.encoders.vgg.fetch", offline)
    with pytest.raises(InputError):
        load_encoder("vgg19")


def test_the_shipped_weights_are_the_recorded_ones():
    record = registry.find("builtin-encoder")
    assert registry.fetch("builtin-encoder") == registry.location(record)  # `fetch` compares the hash
    assert registry.location(record).stat().st_size <= 4e6
    assert sum(p.numel() for p in BuiltinEncoder().parameters()) < 1.1e6


def test_the_shipped_weights_give_known_numbers():
    """Means of the features of the pattern above, as they were when the weights were made."""
    found = load_encoder("builtin")(pattern(), STYLE_LAYERS)
    known = {"relu1_1": 9.15609, "relu2_1": 17.4414, "relu3_1": 8.67908, "relu4_1": 4.30345, "relu5_1": 6.06354}
    # float32 sums of up to 1440 products in another order differ by less than 1e-4 of their size
    assert {layer: float(value.mean()) for layer, value in found.items()} == pytest.approx(known, rel=1e-3)
