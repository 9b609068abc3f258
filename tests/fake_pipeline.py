"""Stand-ins for the heavy rooms, so that the command line can be tested in milliseconds."""

import json
import re
import shlex
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from vidstyle import evaluate, export, train, video
from vidstyle.batch import look, report
from vidstyle.batch.conduct import in_turn
from vidstyle.batch.edits import edit
from vidstyle.batch.engines import cluster, processes
from vidstyle.core.errors import InputError, OutputError
from vidstyle.core.options import Options
from vidstyle.core.progress import Progress
from vidstyle.evaluate import Evaluation, Inputs
from vidstyle.export import Exported
from vidstyle.models import registry
from vidstyle.painting import style_picture
from vidstyle.painting.style_picture import Style
from vidstyle.run import (
    cuts,
    estimate,
    frames_to_paint,
    pipeline,
    plan,
    repeat,
    repeat_check,
    variant_sheet,
    variants,
    verify,
)
from vidstyle.run.estimate import Estimate
from vidstyle.run.frames_to_paint import FramesToPaint
from vidstyle.run.plan import Plan, Selection
from vidstyle.run.preroll import Start
from vidstyle.run.repeat_check import Comparison
from vidstyle.run.result import Result
from vidstyle.run.variant_sheet import PaintedVariant, VariantsPlan
from vidstyle.run.verify import Check
from vidstyle.train import Trained
from vidstyle.video.settings import ReadSettings

ROOT = Path(__file__).parent.parent
RUN = ["run", "a.mp4", "--style", "monet.jpg"]


@dataclass
class Asked:
    """What the pipeline was asked for last, and what it was asked to paint in all."""

    styles: list[Style] = field(default_factory=list)
    options: Options = field(default_factory=Options)
    selection: Selection = field(default_factory=Selection)
    painted: list[Path] = field(default_factory=list)
    targets: list[Path] = field(default_factory=list)
    count: int | None = None
    restart: bool = False
    engines: list[tuple[Any, ...]] = field(default_factory=list)
    """Engines other than this process, each with its arguments before the listener."""
    given: frozenset[str] | None = None
    """Names of the options that the user set."""
    facts: dict[str, Any] = field(default_factory=dict)
    """What `probe` finds, where it differs from an ordinary clip."""
    read: ReadSettings = field(default_factory=ReadSettings)
    """How `evaluate` was asked to read the clips."""


def install(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Put fakes in place of planning, painting, judging, training, exporting, probing and the weights.

    A clip whose name holds `bad` cannot be read; painting one whose name holds `bug` fails in an unforeseen way.
    """
    asked = Asked()

    def plan_video(source, styles, target=None, options=None, selection=None, *, overwrite=False, folder=None,
                   preview=False, given=None):
        asked.styles, asked.options, asked.selection, asked.given = list(styles), options, selection, given
        if "bad" in source.name:
            raise InputError(f"{source}: is no video; give another file.")
        named = f"{source.stem}_{styles[0].path.stem if styles else 'painted'}{'_preview' if preview else ''}{source.suffix}"
        target = target or (folder or source.parent) / named
        if target.exists() and not overwrite:
            raise OutputError(f"{target}: exists already; give --overwrite.")
        clip = SimpleNamespace(path=source, number=lambda index: index, timed=False)
        output = SimpleNamespace(target=target, size=(128, 72), streams=("video: painted", "audio: copied"), warnings=(),
                                 describe=lambda: "h264, crf 16")
        opened = SimpleNamespace(clip=clip, files=(source,))
        return Plan(opened, tuple(styles), output, selection.frames or (0, 99), Start(0), (64, 36), options, "cpu",
                    ("no colour tags",), overwrite, target.with_suffix(".png") if preview else None)

    def run(plan, *, restart=False, listen):
        if "bug" in plan.clip.path.name:
            raise ValueError("two\nlines")
        asked.restart = restart
        for done in range(3):
            listen(Progress("fit", done + 1, 3, loss=0.5))
        for done in range(2):
            listen(Progress("paint", done + 1, 2))
        asked.painted.append(plan.clip.path)
        asked.targets.append(plan.target)
        return Result(plan, 2, ("aa", "bb"), 1.0, {"paint": 1.0}, {"style": 0.5})

    def preview(plan, *, count=6, **how):
        asked.count = count
        return run(plan, **how)

    def plan_variants(clip, found, selection, *, across, target=None, folder=None, overwrite=False):
        plans = [plan_video(clip, each.styles, options=each.options, selection=Selection(frames=(5, 5))) for each in found]
        return VariantsPlan(tuple(found), tuple(plans), across, target or (folder or clip.parent) / "variants.png")

    def read_job(name):
        output = Path(str(name).removesuffix(".vidstyle.json"))
        return SimpleNamespace(
            manifest=output.with_name(f"{output.name}.vidstyle.json"), clip=Path("a.mp4"), styles=((Path("monet.jpg"), 1.0),),
            options=Options(), frames=None, folder=output.parent, output=output, is_preview="preview" in output.name,
            check_files=lambda given: None, free_output=lambda *, unchanged: output.with_stem(f"{output.stem}_2"))

    def read_edit(path, base, media=None, handles=0):
        shot = replace(base, clip=Path("a.mp4"), target=path.with_name("a_monet_0-9.mp4"), selection=Selection((0, 9)))
        return SimpleNamespace(path=path, shots=[shot], missing=[], warnings=[],
                               write=lambda painted: edit.Written([path.with_suffix(".otio")], []))

    def evaluate_video(styled, source, *, read, style=None, baseline=None, encoder="builtin", **kwargs):
        asked.read = read
        values = {"painting": {"e_stab": 0.02, "sharpness": 0.03}, "source": {"e_stab": 0.01, "sharpness": 0.03}}
        curves = {name: {row: [None] for row in values} for name in ("e_stab", "e_stab_10", "luma")}
        values["painting"] |= {"sharpness_ratio": 0.9, "e_stab_ratio": 0.6} if baseline else {}
        values |= {"baseline": values["source"]} if baseline else {}
        return Evaluation(styled, source, style, baseline, (0, 0), (64, 36), "farneback", encoder, values, {}, curves, [0.0],
                          {}, [], [], [])

    def find_inputs(styled, source=None, style=None):
        return Inputs(source or Path("a.mp4"), style)

    def expect(plan, *, start, samples, listen):
        listen(Progress("measure", 1, 1))
        return Estimate(((0, 59), (60, 99)), 0, 9, 61.0, {"prepare": 1.0, "paint": 60.0}, 900_000_000, 2_000_000, 5_000_000)

    facts = {
        "codec": "h264", "width": 64, "height": 36, "pix_fmt": "yuv420p", "frames": 100, "numbers": [0, 99], "duration": 4.0,
        "timed": True,
        "average_rate": "30000/1001", "variable_rate": False, "time_base": "1/30000", "audio": [{"codec": "aac"}],
        "colour": {"matrix": "bt709", "range": "limited", "primaries": "bt709", "transfer": "bt709"},
        "hdr": None, "interlaced": False,
        "streams": ["stream 0: video -> painted", "stream 1: audio -> copied"], "warnings": ["no colour tags"],
    }  # fmt: skip
    monkeypatch.setattr(video, "describe", lambda path, settings: {"path": str(path), **facts, **asked.facts})
    monkeypatch.setattr(registry, "RECORDS", {"builtin": SimpleNamespace(licence="MIT", origin="ours")})
    monkeypatch.setattr(registry, "location", lambda record: Path(__file__))
    monkeypatch.setattr(registry, "fetch", lambda name: Path("w"))
    monkeypatch.setattr(frames_to_paint, "write_frames_to_paint", lambda clip, *rest, **how: FramesToPaint(
        Path("clip_keys/clip_####.png"), {0: Path("clip_keys/clip_0000.png")}))
    monkeypatch.setattr(style_picture, "read_styles", lambda styles: tuple(styles))
    monkeypatch.setattr(plan, "plan_video", plan_video)
    monkeypatch.setattr(variants, "plan_variants", plan_variants)
    monkeypatch.setattr(variants, "paint_variants",
                        lambda plan, explain, listen: [PaintedVariant(each, sha256=each.label) for each in plan.variants])
    monkeypatch.setattr(variant_sheet, "write_variants", lambda plan, painted: None)
    monkeypatch.setattr(repeat, "read_job", read_job)
    monkeypatch.setattr(repeat_check, "device_of", lambda job: "auto")
    monkeypatch.setattr(repeat_check, "noting_changes", lambda plan, job, given: plan)
    monkeypatch.setattr(repeat_check, "compare", lambda job, result: Comparison(result.frames, (), ()))
    monkeypatch.setattr(pipeline, "run", run)
    monkeypatch.setattr(edit, "read_edit", read_edit)
    monkeypatch.setattr(look, "share_look", lambda planned, *rest, **more: list(planned))
    monkeypatch.setattr(report, "write_sheet", lambda path, plan: False)
    monkeypatch.setattr(pipeline, "preview", preview)
    for room, name in ((processes, "processes"), (cluster, "cluster")):
        monkeypatch.setattr(room, name, lambda *how, name=name: asked.engines.append((name, *how[:-2])) or in_turn(how[-2]))
    monkeypatch.setattr(evaluate, "evaluate_video", evaluate_video)
    monkeypatch.setattr(evaluate, "find_inputs", find_inputs)
    monkeypatch.setattr(estimate, "estimate", expect)
    monkeypatch.setattr(video, "open_source", lambda path, settings: SimpleNamespace(
        clip=SimpleNamespace(path=path, number=lambda index: index, timed=True, origin=0, variable_rate=False,
                             average_rate=Fraction(25),
                             timecode=None, frames=100, pts=range(100), time_base=Fraction(1, 25))))
    monkeypatch.setattr(cuts, "find_shots", lambda source, listen: [(0, 59), (60, 99)])
    monkeypatch.setattr(verify, "verify", lambda output: [Check("output", True, output.name)])
    monkeypatch.setattr(train, "train_network", lambda styles, sources, target, *rest, **more: Trained(
        target, target.with_suffix(".train"), {style.name: {"e_stab": 0.02} for style in styles}, 1.0))
    monkeypatch.setattr(export, "export_network", lambda network, target, *rest, **more: Exported(target, 1e-6))
    return asked


def vidstyle_commands(text: str) -> list[list[str]]:
    """The arguments of every `vidstyle ...` command in a shell text, however it is chained or wrapped."""
    commands = []
    for line in text.replace("\\\n", " ").splitlines():
        for part in re.split(r"&&|;|\|", line.removeprefix("$ ")):
            words = shlex.split(part, comments=True)
            if words and (words[0] == "vidstyle" or words[0].endswith("/vidstyle")):
                commands.append(words[1:])
            elif len(words) > 2 and words[1:3] == ["-m", "vidstyle"]:
                commands.append(words[3:])
    return commands


def events(capsys: pytest.CaptureFixture[str]) -> list[dict]:
    """The JSON lines printed so far."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]
