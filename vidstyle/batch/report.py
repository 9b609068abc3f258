"""The report of a batch: what became of each shot, as report.csv, report.json and report.html in one folder."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from vidstyle import __version__
from vidstyle.batch.conduct import Outcome, Planned
from vidstyle.batch.finished import read_manifest
from vidstyle.batch.report_page import Entry, page
from vidstyle.batch.report_sheet import write_sheet
from vidstyle.batch.shot import Shot
from vidstyle.core.atomic import write_atomically
from vidstyle.core.curve import plain
from vidstyle.core.errors import OutputError, UsageError, reason
from vidstyle.run.manifest_file import manifest_path
from vidstyle.run.plan import Plan

FORMAT = 1
RECORD = "report.json"
COLUMNS = ("number", "status", "clip", "first", "last", "frames", "style", "output", "seconds", "warnings", "exit_code",
           "error", "origin")
"""Of report.csv."""
Explain = Callable[[BaseException], tuple[int, str]]
"""An error -> its exit code and one sentence about it."""


class Report:
    """The report of a batch in `folder`; `write` writes it whole or not at all, after every shot.

    shots: all of the batch, in the order of their numbers, also those that are not painted this time.

    What it states about finished shots comes from their manifests, so that it is complete after a kill too. Paths in it are
    relative to the folder.
    """

    def __init__(self, folder: Path, shots: Sequence[Shot], explain: Explain) -> None:
        self.folder, self._explain = folder, explain
        before = {json.dumps(entry["asked"]): entry for entry in read_entries(folder)}
        asked = [self._asked(shot) for shot in shots]
        self.entries = [before.get(json.dumps(entry["asked"]), {}) | entry for entry in asked]
        for entry in self.entries:
            entry.setdefault("status", "waiting")

    def plan(self, planned: Planned) -> None:
        """State the plan of a shot, and of a finished one all that is known of its output."""
        plan, entry = planned.plan, self.entries[planned.shot.number - 1]
        first, last = plan.numbers
        output = self._relative(plan.target)
        known = planned.finished and entry["status"] == "done" and entry["output"] == output
        entry |= {"output": output, "first": first, "last": last, "frames": plan.count, "size": list(plan.paint_size),
                  "changes": list(planned.changes), "status": "waiting",
                  "warnings": entry["warnings"] if known else list(plan.warnings)}
        _forget_failure(entry)
        if planned.finished:
            self._done(entry, plan)

    def add(self, outcome: Outcome) -> None:
        """State how a shot ended."""
        entry = self.entries[outcome.shot.number - 1]
        if outcome.error is not None:
            code, sentence = self._explain(outcome.error)
            entry |= {"status": "failed", "exit_code": code, "error": sentence}
        elif outcome.result is not None:
            entry["warnings"] = [*outcome.result.plan.warnings, *outcome.result.warnings, *outcome.notes]
            self._done(entry, outcome.result.plan)

    def write(self) -> None:
        """Write the three files. Raises OutputError."""
        written = time.strftime("%Y-%m-%d %H:%M")
        record = {"format": FORMAT, "vidstyle": __version__, "written": written, "counts": self.counts, "shots": self.entries}
        files = {RECORD: json.dumps(record, indent=1).encode() + b"\n",
                 "report.csv": self._csv().encode(errors="surrogateescape"),
                 "report.html": page(self.entries, self.counts, written, self.folder).encode(errors="surrogateescape")}
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for name, content in files.items():
                write_atomically(self.folder / name, content)
        except OSError as error:
            raise OutputError(f"{self.folder}: the report cannot be written ({reason(error)}); "
                              "give another --report.") from error

    @property
    def counts(self) -> dict[str, int]:
        """Shots by status."""
        found = [entry["status"] for entry in self.entries]
        return {status: found.count(status) for status in ("done", "failed", "waiting")}

    def failed(self, shots: Sequence[Shot]) -> list[Shot]:
        """Those of `shots` that failed the last time: by clip, range and output, or by their line of the list."""
        if not (self.folder / RECORD).exists():
            raise UsageError(f"{self.folder / RECORD}: is not there, so that no shot is known to have failed; "
                             "leave --retry-failed out.")
        failed = [entry for entry in read_entries(self.folder) if entry["status"] == "failed"]
        asked, origins = [entry["asked"] for entry in failed], {entry["origin"] for entry in failed} - {""}
        return [shot for shot in shots if self._identity(shot) in asked or shot.origin in origins]

    def _asked(self, shot: Shot) -> Entry:
        """What is known of a shot before it is planned."""
        options = {name: str(value) for name, value in shot.options.as_dict().items() if name in shot.given}
        return {"number": shot.number, "clip": self._relative(shot.clip), "origin": shot.origin, "asked": self._identity(shot),
                "styles": [{"path": self._relative(style.path), "weight": plain(style.weight)} for style in shot.styles],
                "options": options}

    def _identity(self, shot: Shot) -> list[Any]:
        """What makes it this shot, whatever its styles and options are."""
        frames, output = shot.selection.frames, shot.target or shot.folder
        return [self._relative(shot.clip), None if frames is None else list(frames), shot.selection.start, shot.selection.end,
                None if output is None else self._relative(output)]

    def _done(self, entry: Entry, plan: Plan) -> None:
        """State what the manifest states, and make the contact sheet."""
        manifest = read_manifest(plan.target) or {}
        seconds = manifest.get("seconds", {})
        entry |= {"status": "done", "manifest": self._relative(manifest_path(plan.target)),
                  "seconds": round(seconds.get("prepare", 0.0) + seconds.get("paint", 0.0), 3), "stage_seconds": seconds}
        _forget_failure(entry)
        label = hashlib.sha256(entry["output"].encode(errors="surrogatepass")).hexdigest()[:6]
        sheet = self.folder / "sheets" / f"{plan.target.stem.replace('#', '').strip('._-')}-{label}.jpg"
        entry["sheet"] = self._relative(sheet) if write_sheet(sheet, plan) else None

    def _relative(self, path: Path) -> str:
        try:
            return Path(os.path.relpath(path.absolute(), self.folder.absolute())).as_posix()
        except ValueError:  # on another drive of Windows
            return path.absolute().as_posix()

    def _csv(self) -> str:
        text = io.StringIO()
        rows = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
        rows.writeheader()
        for entry in self.entries:
            styles = ";".join(f"{style['path']}:{style['weight']:g}" if len(entry["styles"]) > 1 else style["path"]
                              for style in entry["styles"])
            rows.writerow(entry | {"style": styles, "warnings": " ".join(entry.get("warnings", ()))})
        return text.getvalue()


def _forget_failure(entry: Entry) -> None:
    """Remove what an earlier failure has left."""
    entry.pop("exit_code", None)
    entry.pop("error", None)


def read_entries(folder: Path) -> list[Entry]:
    """The shots of the report in a folder; none where there is no report that this version wrote."""
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        return list(record["shots"]) if record["format"] == FORMAT else []
    except (OSError, ValueError, KeyError, TypeError):
        return []
