"""Compare encoders by paintings made with them: the builtin one with its teacher, and with VGG-19 for speed.

    python benchmarks/encoder.py DATA
    python benchmarks/encoder.py DATA --candidate student.safetensors --pairs 2 --size 320 --steps 120 --sheet sheet.png

Paints frames of clips by the pyramid of `--method optimize`, once through the candidate (the builtin encoder that ships, or a
file of the same architecture) and once through the teacher, with the same number of steps. Each painting is judged by VGG-19
and by the teacher. Style losses are means over the layers and over the whole, half and quarter size. DATA holds `video/`,
`style/` and `weights/` (VGG-19 to relu3_4, the teacher).
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).parent.parent))  # for `training`, which is not installed

from training.teachers import Teacher
from vidstyle.core.devices import precision
from vidstyle.core.images import read_image, resize
from vidstyle.core.interfaces import Encoder
from vidstyle.core.options import Options
from vidstyle.encoders.builtin import BuiltinEncoder
from vidstyle.encoders.vgg import VGG
from vidstyle.ops.losses import STYLE_LAYERS, gram, style_loss
from vidstyle.painting.optimize.stylizer import OptimizingStylizer
from vidstyle.painting.style import StyleTarget
from vidstyle.video import open_source

# (clip, style image): people, objects, plants and animation, each in another style; none was used for training.
PAIRS = (("sam2_02_cups.mp4", "gord_vg_la_cafe.jpg"), ("mdn_flower.mp4", "nst_woman-with-hat-matisse.jpg"),
         ("sam2_04_coffee.mp4", "fns_wave.jpg"), ("mpy_big_buck_bunny_0_30.webm", "nstf_water_lilies_crop.jpg"),
         ("mdn_friday.mp4", "mag_Theo_van_Doesburg_sq.jpg"), ("sam2_03_blocks.mp4", "gord_tahiti_guaguin.jpg"))
SHALLOW = ("relu1_1", "relu2_1", "relu3_1")
CAFFE_MEAN = (123.68, 116.779, 103.939)  # RGB, of the ImageNet images VGG-19 was trained on


@dataclass(frozen=True)
class TeacherEncoder:
    """The teacher as an `Encoder`, with the max pooling it was trained with."""

    teacher: Teacher

    def __call__(self, image: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        found = self.teacher.pre_activations(image)
        return {layer: F.relu(found[layer.removeprefix("relu")]) for layer in layers}


class TrueVGG(nn.Module):
    """VGG-19 to relu3_1 with its authors' weights, whose input is BGR in 0-255 minus the mean; an `Encoder`."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.features = VGG("vgg19").features
        self.names = VGG("vgg19").names
        weights = torch.load(path, weights_only=True, map_location="cpu")
        self.features.load_state_dict({k.removeprefix("features."): v for k, v in weights.items()}, strict=False)

    def forward(self, image: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
        x, found = (image * 255 - image.new_tensor(CAFFE_MEAN).view(1, 3, 1, 1)).flip(1), {}
        for name, module in zip(self.names, self.features, strict=True):
            x = module(x)
            if name in layers:
                found[name] = x
            if name == max(layers):
                break
        return found


def candidate(path: Path | None) -> BuiltinEncoder:
    """The builtin encoder with the weights in `path`, or with those that ship."""
    network = BuiltinEncoder()
    network.load_state_dict({k: v.float() for k, v in load_file(path or Path("vidstyle/models/encoder.safetensors")).items()})
    return network.eval().requires_grad_(False).to(memory_format=torch.channels_last)


def painting(encoder: Encoder, content: Tensor, style: Tensor, options: Options) -> Tensor:
    """`content` (3, H, W) painted in the style of `style` (3, H, W) through `encoder`."""
    target = StyleTarget([style], [1.0], encoder)
    paint = OptimizingStylizer(encoder, target, target.palette([content]), options.content_weight, options.style_weight,
                               options.tv_weight, 0.0, options.optimize_steps, options.follow_steps)
    return paint(content)


@torch.no_grad()
def mean_style_loss(judge: Encoder, layers: Sequence[str], image: Tensor, style: Tensor) -> float:
    """Of an image (3, H, W), over three scales, in float32."""
    losses = []
    for scale in (1, 2, 4):
        height, width = image.shape[1] // scale, image.shape[2] // scale
        scaled = resize(style[None], (height, round(style.shape[2] * height / style.shape[1])))
        target = {layer: gram(value) for layer, value in judge(scaled, layers).items()}
        losses.append(float(style_loss(judge(resize(image[None], (height, width)), layers), target)))
    return statistics.mean(losses)


def seconds(encoder: Encoder, side: int = 512, rounds: int = 5) -> float:
    """Median time of one forward and backward pass to relu5_1, as the optimizer makes them."""
    image = torch.rand(1, 3, side, side).contiguous(memory_format=torch.channels_last).requires_grad_()
    times = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        with precision(image.device):
            found = encoder(image, STYLE_LAYERS)
        sum(value.float().square().mean() for value in found.values()).backward()  # type: ignore[union-attr]
        times.append(time.perf_counter() - began)
    return statistics.median(times[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--candidate", type=Path, help="weights of the builtin encoder; by default those that ship")
    parser.add_argument("--pairs", type=int, default=len(PAIRS))
    parser.add_argument("--size", type=int, default=512, help="longest side painted, in pixels")
    parser.add_argument("--steps", type=int, default=Options().optimize_steps)
    parser.add_argument("--sheet", type=Path, help="write each frame and both paintings of it, side by side")
    parser.add_argument("--cache", type=Path, help="folder that keeps the teacher's paintings for the next candidate")
    args = parser.parse_args()

    student, options = candidate(args.candidate), Options(optimize_steps=args.steps)
    teacher = TeacherEncoder(Teacher(args.data / "weights/collab_distill/encoder5.pth"))
    vgg = TrueVGG(args.data / "weights/vgg19_oxford_bgr_conv1_1-conv3_4.pth").requires_grad_(False)
    print(f"{'':34}{'judged by VGG-19 to relu3_1':>36}{'judged by the teacher':>36}")
    print(f"{'':34}{'candidate':>12}{'teacher':>12}{'ratio':>12}{'candidate':>12}{'teacher':>12}{'ratio':>12}")
    rows, strips = [], []
    for clip_name, style_name in PAIRS[:args.pairs]:
        source = open_source(args.data / "video" / clip_name)
        image = next(iter(source.sample([source.clip.frames // 2], run=1)))[0].image
        scale = args.size / max(image.shape[1:])
        content = resize(image, (round(image.shape[1] * scale), round(image.shape[2] * scale)))
        style = read_image(args.data / "style" / style_name)
        cached = args.cache / f"{clip_name}_{style_name}_{args.size}_{args.steps}.pt" if args.cache else None
        if cached is not None and cached.exists():
            theirs = torch.load(cached, weights_only=True)
        else:
            theirs = painting(teacher, content, style, options)
            if cached is not None:
                torch.save(theirs, cached)
        ours = painting(student, content, style, options)
        found = [mean_style_loss(judge, layers, image, style) for judge, layers in ((vgg, SHALLOW), (teacher, STYLE_LAYERS))
                 for image in (ours, theirs)]
        rows.append(found)
        strips.append(torch.cat([content, ours, theirs], 2))
        _line(f"{clip_name[:14]} {style_name[:18]}", found)
    _line("mean", [statistics.mean(column) for column in zip(*rows, strict=True)])
    if args.sheet:
        wide = max(strip.shape[2] for strip in strips)
        padded = [F.pad(strip, (0, wide - strip.shape[2])) for strip in strips]
        cv2.imwrite(str(args.sheet), torch.cat(padded, 1).permute(1, 2, 0).flip(2).mul(255).byte().numpy())
    large = VGG("vgg19").requires_grad_(False).to(memory_format=torch.channels_last)  # the time does not depend on the weights
    ours, theirs = seconds(student), seconds(large)
    print(f"forward and backward to relu5_1 at 512x512: {ours:.3f} s, VGG-19 {theirs:.3f} s, {theirs / ours:.1f} times as long")


def _line(name: str, found: list[float]) -> None:
    by_vgg, by_teacher = found[:2], found[2:]
    numbers = [*by_vgg, by_vgg[0] / by_vgg[1], *by_teacher, by_teacher[0] / by_teacher[1]]
    print(f"{name:34}" + "".join(f"{n:12.4f}" for n in numbers), flush=True)


if __name__ == "__main__":
    main()
