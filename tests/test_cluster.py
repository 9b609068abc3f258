"""Shots on a Ray cluster of several nodes on this machine: the same files, also where a node is killed."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from engine_shots import CLIPS, FRAMES, QUICK, Steps, make_media, paint, painter_of, planned

from vidstyle.batch.conduct import in_turn
from vidstyle.batch.engines import cluster as engine
from vidstyle.batch.engines import tasks
from vidstyle.batch.engines.cluster import Share, cluster, share_out
from vidstyle.batch.engines.machine import Inputs
from vidstyle.core.errors import DeviceError, InputError, OutputError, UsageError
from vidstyle.core.options import Options

HERE = socket.gethostname()


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("media")
    make_media(folder)
    return folder


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A cluster of a head without processors, and two nodes of one each."""
    pytest.importorskip("ray", reason="needs the extra `cluster`")
    from ray.cluster_utils import Cluster

    monkeypatch.setattr(tasks, "SHORTEST", 6)
    found = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "object_store_memory": 80_000_000})
    for _ in range(2):
        found.add_node(num_cpus=1, object_store_memory=80_000_000)
    found.wait_for_nodes()
    yield found
    found.shutdown()


def node_of(target: Path, nodes: Any) -> Any:
    """The node that paints the part of `target` that was begun last."""
    raylet = int(Path(f"/proc/{painter_of(target)}/stat").read_text().rpartition(")")[2].split()[1])  # its parent
    return next(node for node in nodes.worker_nodes if node.all_processes["raylet"][0].process.pid == raylet)


@pytest.mark.slow
def test_a_killed_node_costs_its_task_only(media: Path, tmp_path: Path, nodes: Any, capfd: pytest.CaptureFixture[str]):
    slow = Options(size=64, device="cpu")  # with strokes: each part takes seconds
    (tmp_path / "whole").mkdir()
    paint(in_turn(lambda shot, step: None), planned(media, ["long.mp4"], tmp_path / "whole", slow))
    target, told = tmp_path / "long.mp4", list[str]()
    steps = Steps("long.mp4", 2, lambda: nodes.remove_node(node_of(target, nodes), allow_graceful=False))
    outcomes = paint(cluster(nodes.address, None, steps, told.append), planned(media, ["long.mp4"], tmp_path, slow))
    assert outcomes["long.mp4"].error is None
    assert target.read_bytes() == (tmp_path / "whole" / "long.mp4").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"whole", "long.mp4", "long.mp4.vidstyle.json"}
    assert len(told) == 1
    assert "another one goes on from what it has saved" in told[0]
    assert max(steps.painted("long.mp4")) == FRAMES
    assert capfd.readouterr().out == ""


@pytest.mark.slow
def test_a_stopped_cluster_run_goes_on(media: Path, tmp_path: Path, nodes: Any):
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        paint(cluster(nodes.address, None, Steps("long.mp4", 15, stop), print), planned(media, CLIPS, tmp_path))
    assert caught.value.__notes__ == ["give the same command again and it goes on where it was"]
    left = [name for name in CLIPS if not (tmp_path / name).exists()]
    assert "long.mp4" in left
    # Another engine goes on: the parts are in the folder of the run.
    paint(in_turn(lambda shot, step: None), planned(media, left, tmp_path))
    for name in CLIPS:
        assert (tmp_path / name).read_bytes() == (media / "whole" / name).read_bytes()


@pytest.mark.parametrize(("machines", "jobs", "on_gpus", "expected"), [
    ([(0, 0), (8, 0), (16, 0)], None, False, Share(8, 0, 3)), ([(8, 0), (8, 0)], 8, False, Share(2, 0, 8)),
    ([(8, 0), (8, 0)], 1, False, Share(8, 0, 2)), ([(2, 0)], 8, False, Share(1, 0, 2)),
    ([(16, 2), (4, 0)], None, True, Share(8, 1, 2)), ([(16, 2)], 4, True, Share(4, 0.5, 4)),
    ([(16, 2)], 3, True, Share(4, 0.5, 4)), ([(0.5, 0), (4, 0)], None, False, Share(4, 0, 1))])
def test_a_cluster_is_shared_out(machines: list[tuple[float, float]], jobs: int | None, on_gpus: bool, expected: Share):
    assert share_out(machines, jobs, on_gpus) == expected


def test_a_cluster_without_room_is_refused():
    with pytest.raises(DeviceError, match="no GPU"):
        share_out([(8, 0)], None, True)
    with pytest.raises(DeviceError, match="no CPU"):
        share_out([], None, False)
    with pytest.raises(DeviceError, match="no machine left"):
        Share(4, 0, 2).among([(2, 0)])


def test_what_a_machine_does_not_see_is_named(media: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    [each] = planned(media, ["b.mp4"], tmp_path)
    inputs = Inputs.of(each.plan)
    inputs.check()
    clip, style = (media / "b.mp4").absolute(), (media / "style.png").absolute()
    sizes = ((clip, clip.stat().st_size + 1), (style, style.stat().st_size))
    with pytest.raises(InputError, match=rf"b.mp4: has \d+ bytes on {HERE} and \d+ where the command runs"):
        replace(inputs, sizes=sizes).check()
    with pytest.raises(InputError, match=rf"gone.mp4: is not on {HERE}; put it where every machine"):
        replace(inputs, sizes=((tmp_path / "gone.mp4", 1),)).check()
    with pytest.raises(InputError, match=r"a.mp4: is relative to /nowhere, which is not on"):
        replace(inputs, folder=Path("/nowhere"), paths=(Path("a.mp4"),)).check()
    with pytest.raises(UsageError, match=r"vidstyle .* is installed on .*, and the command is of 0.0.1"):
        replace(inputs, version="0.0.1").check()
    inputs.marker.unlink()
    with pytest.raises(OutputError, match=r"is another folder on .*write to a folder that every machine"):
        inputs.check()


def test_a_named_gpu_is_refused(media: Path, tmp_path: Path):
    todo = planned(media, ["b.mp4"], tmp_path)
    todo = [replace(each, plan=replace(each.plan, options=replace(QUICK, device="cuda:1"))) for each in todo]
    with pytest.raises(UsageError, match="--device cuda:1 is given, and a cluster chooses the GPU"):
        list(cluster("auto", None, Steps(), print)(todo))


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(UsageError, match=r"needs Ray, which is not installed; .*pip install ray"):
        engine.connect("auto")


@pytest.mark.parametrize("address", ["127.0.0.1:9", "nowhere", "ray://127.0.0.1:9", "127.0.0.1:port"])
def test_a_cluster_that_does_not_answer_is_named(address: str):
    pytest.importorskip("ray", reason="needs the extra `cluster`")
    with pytest.raises(UsageError, match=rf"--cluster {address}: no Ray cluster answers there; start one with `ray start"):
        engine.connect(address)
