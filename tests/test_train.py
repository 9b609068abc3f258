"""Training a network: stopped and resumed is never stopped, two processes are one, and what is saved can be mixed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from tiny_training import TINY, float32, make_sources
from video_clips import make_clip

from vidstyle.cli import execute
from vidstyle.core.errors import InputError, OutputError, UsageError
from vidstyle.core.images import read_image
from vidstyle.core.options import Options
from vidstyle.core.progress import Progress
from vidstyle.core.train_options import TrainOptions
from vidstyle.painting.feedforward.muon import optimizers
from vidstyle.painting.feedforward.network import PaintNetwork
from vidstyle.painting.feedforward.network_file import load_network, read_network
from vidstyle.painting.style_picture import Style, StylePicture, read_styles
from vidstyle.run.pipeline import plan_video, stylize_video
from vidstyle.train import Trained, train_network
from vidstyle.train.checkpoint import TrainingFolder
from vidstyle.train.dataset import TrainingDataset, batches
from vidstyle.train.distributed import ProcessGroup
from vidstyle.train.learner import Learner
from vidstyle.train.sources import RUN, choose_frames, find_sources, prepare_sources

Line = dict[str, float]


@dataclass(frozen=True)
class Whole:
    """A training that was never stopped."""

    styles: list[Path]
    sources: list[Path]
    trained: Trained


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    folder = tmp_path_factory.mktemp("train")
    styles, sources = make_sources(folder)
    with float32():
        return Whole(styles, sources, train_network(styles, sources, folder / "whole.safetensors", TINY))


def test_full_shared_memory_is_one_sentence(monkeypatch: pytest.MonkeyPatch):
    class Full:
        """Fails as PyTorch's reader does where /dev/shm holds 64 kB."""

        options = TINY

        def __init__(self, *_: object, **__: object) -> None: ...

        def __iter__(self) -> None:
            raise RuntimeError("unable to allocate shared memory(shm) for file </torch_7_1_0>: No space left on device (28)")

    monkeypatch.setattr("vidstyle.train.dataset.DataLoader", Full)
    with pytest.raises(OutputError, match="/dev/shm, or give --workers 0"):
        next(batches(Full(), 0, ProcessGroup(), "cpu"))


def losses(log: Path) -> list[Line]:
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    return [{name: value for name, value in line.items() if name != "seconds"} for line in lines if "loss" in line]


def style_weight(path: Path, weight: float = 1.0) -> StylePicture:
    [style] = read_styles([Style(path, weight)])
    return style


def test_stopped_and_resumed_equals_never_stopped(whole: Whole):
    file = whole.trained.target.with_name("parts.safetensors")

    def stop(step: Progress) -> None:
        if (step.stage, step.done) == ("train", 4):  # a step after the last checkpoint
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), float32():
        train_network(whole.styles, whole.sources, file, TINY, listen=stop)
    log = file.with_suffix(".train") / "log.jsonl"
    assert [line["step"] for line in losses(log)] == [1, 2, 3, 4]
    with pytest.raises(UsageError, match=r"holds a training with other seed; .*--restart"):
        train_network(whole.styles, whole.sources, file, replace(TINY, seed=4))
    with float32():
        train_network(whole.styles, whole.sources, file, replace(TINY, workers=1))  # nor does it matter which process reads
    assert losses(log) == losses(whole.trained.log)
    assert [line["step"] for line in losses(log)] == [1, 2, 3, 4, 5, 6]
    one, other = (tensors_of(path) for path in (file, whole.trained.target))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


def tensors_of(path: Path) -> dict[str, torch.Tensor]:
    network, table, _ = read_network(path)
    assert table is not None
    return {**network.state_dict(), "changes": table.changes, "palettes": table.palette.matrix}


def test_the_names_in_checkpoints_stay(tmp_path: Path):
    """A training that an earlier version began goes on only while these names are the same."""
    network = PaintNetwork(width=4, blocks=1)
    learner = Learner(network, torch.ones(2, 2, sum(network.modulated_channels)))
    folder, steppers = TrainingFolder(tmp_path), optimizers(learner.parameters(), 0.1)
    folder.save_checkpoint(3, learner, steppers, {"a.png": {"e_stab": 0.5}})
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    assert state.keys() == {"step", "quality", "learner", "steppers"}
    assert state["learner"].keys() == {"rows", *(f"network.{name}" for name, _ in network.named_parameters())}
    with torch.no_grad():
        learner.style_changes.zero_()
    assert folder.load_checkpoint(learner, steppers, "cpu") == (3, {"a.png": {"e_stab": 0.5}})
    assert bool((learner.style_changes == 1).all())
    assert [path.name for path in tmp_path.iterdir()] == ["state.pt"]


def test_two_processes_train_as_one_with_the_whole_batch(whole: Whole):
    folder = whole.trained.target.parent
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
               str(Path(__file__).with_name("tiny_training.py")), str(folder)]
    done = subprocess.run(command, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    alone, shared = losses(whole.trained.log), losses(folder / "two.train" / "log.jsonl")
    assert [line.keys() for line in shared] == [line.keys() for line in alone]
    for one, other in zip(shared, alone, strict=True):
        # The same numbers summed in another order. Measured: 2e-7 at the first step, which is float32's last place. Every step
        # starts from the last one's difference, and Muon makes a step of the same length of however small a gradient: after
        # six steps it was 3e-6 in nearly all runs, 5e-4 in one and 2.5e-3 in another; after two, 6e-5 in one. So only the first
        # step is held tightly. Other data would change it by tenths.
        assert one == pytest.approx(other, rel=3e-6 if other["step"] == shared[0]["step"] else 2e-2)


def test_the_file_states_what_it_was_trained_and_validated_on(whole: Whole):
    network, metadata = load_network(whole.trained.target)
    assert metadata["styles"] == ",".join(style_weight(path).sha256 for path in whole.styles)
    assert metadata["style_names"] == "a.png\nb.png"
    assert json.loads(metadata["settings"])["seed"] == TINY.seed
    data = json.loads(metadata["data"])
    assert [(video["name"], video["frames"]) for video in data["videos"]] == [("one.mp4", 12), ("two.mp4", 4)]
    assert sum(video["pairs"] for video in data["videos"]) == TINY.pairs
    assert data["pictures"] == 1
    quality = json.loads(metadata["quality"])
    assert quality == whole.trained.quality
    metrics = ("e_stab", "e_stab_10", "style_loss")
    assert all(0 < quality[name][metric] < 10 for name in ("a.png", "b.png") for metric in metrics)
    assert network.keep == 0.9
    folder = whole.trained.log.parent
    assert sorted(path.name for path in folder.iterdir()) == ["log.jsonl", "sheets"]
    assert read_image(folder / "sheets" / "step_0000006.png").shape[0] == 3


def test_a_style_uses_its_table_entry_and_a_blend_their_mean(whole: Whole):
    first, second = whole.styles
    frame = torch.rand(1, 3, 64, 72, generator=torch.Generator().manual_seed(1))
    empty = torch.zeros_like(frame)
    network, table, _ = read_network(whole.trained.target)
    assert table is not None
    assert not torch.equal(table.changes[0], table.changes[1])
    for path, style in ((first, 0), (second, 1)):
        loaded, _ = load_network(whole.trained.target, [style_weight(path)])
        for name in ("palette", "light", "darkest", "lightest"):
            setattr(network, name, getattr(loaded, name))
        expected = network(frame, empty, empty[:, :1], None, table.changes[style : style + 1])
        torch.testing.assert_close(loaded(frame, empty, empty[:, :1]), expected, atol=1e-5, rtol=0)  # order of two sums
    mixed, _ = load_network(whole.trained.target, [style_weight(first, 3), style_weight(second, 1)])
    blend = (0.75 * table.changes[0, 0] + 0.25 * table.changes[1, 0]).split(network.modulated_channels)
    torch.testing.assert_close(mixed.residuals[2].tuned.gain, network.residuals[2].tuned.gain + blend[2])


def test_run_paints_a_blend_and_refuses_other_styles(whole: Whole, tmp_path: Path):
    clip, (first, second) = make_clip(tmp_path / "clip.mp4", frames=3), whole.styles
    options = Options(method="feedforward", network=whole.trained.target, size=96, device="cpu", crf=0)
    blends = [[Style(first)], [Style(first, 0.5), Style(second, 0.5)]]
    hashes = [stylize_video(clip, styles, tmp_path / f"{number}.mp4", options).frame_hashes
              for number, styles in enumerate(blends)]
    assert len(set(hashes[0]) | set(hashes[1])) == 6
    other = tmp_path / "other.png"
    other.write_bytes((whole.sources[0] / "still.png").read_bytes())
    with pytest.raises(UsageError, match=r"does not know the style other\.png; give .* \(a\.png, b\.png\)"):
        plan_video(clip, [Style(first), Style(other)], tmp_path / "c.mp4", options)


def test_one_style_is_part_of_the_network(whole: Whole, tmp_path: Path):
    file = tmp_path / "one.safetensors"
    train_network(whole.styles[:1], [whole.sources[0] / "still.png"], file, replace(TINY, steps=2, size=(64,)))
    network, table, metadata = read_network(file)
    assert table is None
    assert json.loads(metadata["data"]) == {"videos": [], "pictures": 1, "judged_by": ["still.png"], "held_out": False}
    assert "e_stab" not in json.loads(metadata["quality"])["a.png"]  # a photograph holds still
    loaded, _ = load_network(file, [style_weight(whole.styles[0])])
    assert torch.equal(loaded.palette, network.palette)
    assert not torch.equal(loaded.palette, torch.eye(3))
    with pytest.raises(UsageError, match=r"does not know the style b\.png"):
        load_network(file, [style_weight(whole.styles[1])])


@pytest.mark.parametrize("counts", [[1], [12, 4], [72], [1000, 3, 400], [1] * 30])
def test_every_video_is_trained_on_and_held_out_runs_are_not(counts: Sequence[int]):
    positions, runs, held_out = choose_frames(counts, 40)
    assert all(found or number in {video for video, _, _ in runs} for number, found in enumerate(positions))
    assert sum(map(len, positions)) <= 40 + len(counts)
    for number, found in enumerate(positions):
        assert found == sorted(set(found))
        assert all(at >= 0 and at + 1 < max(2, counts[number]) for at in found)
    for video, first, length in runs:
        assert 0 <= first < first + length <= counts[video]
        assert length == min(RUN, counts[video])
        frames = set(range(first, first + length))
        assert held_out == (sum(counts) >= 30)
        if held_out:
            assert not any({at, at + 1} & frames for at in positions[video])


def test_a_pair_keeps_its_motion_at_any_height(tmp_path: Path):
    def shifted(index: int, width: int, height: int):
        rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        texture = 128 + 60 * torch.sin((columns + 4 * index) / 9) + 50 * torch.sin(rows / 7 + (columns + 4 * index) / 23)
        return texture[..., None].repeat(1, 1, 3).byte().numpy()

    clip = make_clip(tmp_path / "moving.mp4", frames=4, size=(192, 128), picture=shifted, options={"crf": "4"})
    options = replace(TINY, size=(64, 128), steps=8, batch=2)
    sources = prepare_sources([clip], [], tmp_path / "pairs", options, "cpu", ProcessGroup(), lambda step: None)
    dataset = TrainingDataset(sources, [torch.rand(3, 50)], options)
    shifts = set()
    for number in range(0, 16, 2):
        found = dataset[number]["to_last"][:, 16:48, 16:48].mean((1, 2))
        shifts.add(round(float(found[0])))
        # The texture moves four pixels to the left in each frame: it was four pixels further right, two at half size.
        assert abs(float(found[1])) < 0.3
    assert shifts == {2, 4}


def test_samples_do_not_depend_on_what_was_drawn_before(whole: Whole, tmp_path: Path):
    sources = prepare_sources([whole.sources[0] / "one.mp4"], [whole.sources[0] / "still.png"], tmp_path, TINY, "cpu",
                              ProcessGroup(), lambda step: None)
    dataset = TrainingDataset(sources, [torch.rand(3, 50)], TINY)
    assert all(torch.equal(value, dataset[5][name]) for name, value in dataset[5].items())
    drawn = [dataset[number] for number in (5, 4, 3)]
    assert all(torch.equal(value, drawn[0][name]) for name, value in dataset[5].items())
    assert not torch.equal(dataset[4]["this"], dataset[5]["this"])


def test_folders_are_searched_and_styles_left_out(whole: Whole, tmp_path: Path):
    [film] = whole.sources
    assert find_sources([film], []) == ([film / "one.mp4", film / "two.mp4"], [film / "still.png"])
    folder = whole.styles[0].parent  # holds the film, the style pictures and the folders of trainings
    videos, photos = find_sources([folder], whole.styles)
    assert (len(videos), [path.name for path in photos]) == (2, ["still.png"])
    with pytest.raises(InputError, match="holds no videos and no images"):
        find_sources([tmp_path], [])


def test_a_batch_is_shared_evenly_or_not_at_all():
    assert [list(ProcessGroup(rank, 2).part(4)) for rank in (0, 1)] == [[0, 1], [2, 3]]
    with pytest.raises(UsageError, match="batch of 4 cannot be shared by 3 processes; give a multiple of 3"):
        ProcessGroup(0, 3).part(4)


def test_a_folder_that_is_not_of_a_training_is_never_emptied(whole: Whole, tmp_path: Path):
    folder = tmp_path / "net.train"
    folder.mkdir()
    (folder / "holiday.txt").write_text("mine")
    with pytest.raises(OutputError, match="does not belong to a training"):
        train_network(whole.styles, whole.sources, tmp_path / "net.safetensors", TINY, restart=True)
    assert (folder / "holiday.txt").read_text() == "mine"


@pytest.mark.parametrize(("words", "code", "sentence"), [
    (["--style", "{a}:0.5"], 2, "has a weight; styles are trained alike"),
    (["--style", "{a}", "--size", "big"], 2, "size is 'big'; give heights in pixels"),
    (["--style", "{a}", "--size", "360,8"], 2, "size is 8; give a value from 32"),
    (["--style", "{a}", "--style", "{a}"], 2, "Two styles are the same picture"),
    (["--style", "{film}/one.mp4"], 3, "is not an image that can be read"),
    (["--style", "{a}", "nothing.mp4"], 3, "nothing.mp4: cannot be read"),
    (["--style", "{a}", "-o", "{folder}/whole.safetensors"], 4, "exists already"),
    (["--style", "{a}", "--device", "gpu"], 2, "There is no device 'gpu'"),
])  # fmt: skip
def test_impossible_trainings_are_one_sentence(words: list[str], code: int, sentence: str, whole: Whole, tmp_path: Path, capsys,
                                               monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    [film] = whole.sources
    filled = [word.format(a=whole.styles[0], film=film, folder=whole.trained.target.parent) for word in words]
    output = [] if "-o" in words else ["-o", "net.safetensors"]
    assert execute(["train", str(film), *filled, *output]) == code
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert sentence in error
    assert error.startswith("vidstyle: ")


def test_the_options_of_the_command_reach_the_training(monkeypatch: pytest.MonkeyPatch, capsys):
    asked = []

    def fake(styles, sources, target, options, **more):
        asked.append((styles, sources, target, options, more["overwrite"], more["restart"]))
        return Trained(target, Path("log.jsonl"), {"a.png": {"e_stab": 0.01}}, 1.0)

    monkeypatch.setattr("vidstyle.train.train_network", fake)
    assert execute(["train", "film/", "b.mp4", "--style", "a.png", "-o", "n.safetensors"]) == 0
    assert asked.pop() == ([Path("a.png")], [Path("film"), Path("b.mp4")], Path("n.safetensors"), TrainOptions(), False, False)
    out, err = capsys.readouterr()
    assert out == "n.safetensors\n"
    assert "e_stab" in err
    words = ("--steps 9 --batch 6 --size 48,64 --pairs 7 --style-scale 2 --temporal 0 --seed 5 --flow farneback "
             "--encoder vgg19 --device cpu --workers 0 --check-every 3 --save-every 2 --restart --overwrite")
    assert execute(["train", "film/", "--style", "a.png", "-o", "n.safetensors", *words.split()]) == 0
    options = TrainOptions(steps=9, batch=6, size=(48, 64), pairs=7, style_scale=2, temporal=0, seed=5, flow="farneback",
                           encoder="vgg19", device="cpu", workers=0, check_every=3, save_every=2)
    assert asked.pop()[3:] == (options, True, True)
