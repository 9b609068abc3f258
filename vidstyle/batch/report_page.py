"""The page of a report: one HTML file that holds its images, with links to the paintings."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import quote

Entry = dict[str, Any]
"""What a report states about one shot, in types that JSON has; its paths are relative to the report."""
_WORDS = {"done": "done", "failed": "failed", "waiting": "not painted yet"}


def page(entries: Sequence[Entry], counts: dict[str, int], written: str, folder: Path) -> str:
    """The page for the shots of a report in `folder`."""
    template = Template(Path(__file__).with_name("report.html").read_text(encoding="utf-8"))
    frames = sum(entry.get("frames", 0) for entry in entries if entry["status"] == "done")
    seconds = sum(entry.get("seconds", 0.0) for entry in entries if entry["status"] == "done")
    counted = [f'<b class="{status}">{count} {_WORDS[status]}</b>' for status, count in counts.items() if count]
    summary = " · ".join([*counted, f"{frames} frames painted in {_clock(seconds)}", f"written {escape(written)}"])
    names = [Path(entry["clip"]).name for entry in entries]
    entries = [entry | {"name": "/".join(Path(entry["clip"]).parts[-2 if names.count(name) > 1 else -1:])}
               for entry, name in zip(entries, names, strict=True)]
    failed_first = sorted(entries, key=lambda entry: entry["status"] != "failed")
    return template.substitute(count=f"{len(entries)} shot{'s' if len(entries) != 1 else ''}", summary=summary,
                               rows="\n".join(map(_row, entries)),
                               cards="\n".join(_card(entry, folder) for entry in failed_first))


def _row(entry: Entry) -> str:
    """A shot as a row of the table."""
    seconds, frames, done = entry.get("seconds", 0.0), entry.get("frames", 0), entry["status"] == "done"
    cells = [
        f'<td class="number">{entry["number"]}</td>',
        f'<td class="name"><a href="#shot{entry["number"]}">{escape(entry["name"])}</a></td>',
        f'<td class="name">{_styles(entry)}</td>',
        f'<td class="number">{_range(entry)}</td>',
        f'<td class="{entry["status"]}">{_WORDS[entry["status"]]}</td>',
        f'<td class="number">{_clock(seconds) if done else ""}</td>',
        f'<td class="number">{f"{seconds / max(1, frames):.2f} s" if done else ""}</td>',
        f'<td class="number">{len(entry.get("warnings", ())) or ""}</td>',
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _card(entry: Entry, folder: Path) -> str:
    """A shot as a section: its contact sheet, what went wrong, its settings, and links."""
    status = f'<span class="{entry["status"]}">{_WORDS[entry["status"]]}</span>'
    parts = [f'<h2>{entry["number"]}. {escape(entry["name"])} {status}</h2>']
    if "error" in entry:
        parts.append(f'<p class="failed">{escape(entry["error"])}</p>')
    if entry.get("sheet") and (folder / entry["sheet"]).is_file():
        jpeg = base64.b64encode((folder / entry["sheet"]).read_bytes()).decode("ascii")
        label = f"Frames of {entry['clip']}: the source above, the painting below"
        parts.append(f'<img alt="{escape(label)}" loading="lazy" src="data:image/jpeg;base64,{jpeg}">')
    parts += [f'<p class="warning">{escape(warning)}</p>' for warning in entry.get("warnings", ())]
    if changes := entry.get("changes"):
        parts.append(f"<p>Painted again: {escape('; '.join(changes))}.</p>")
    facts = [("style", _styles(entry)), ("frames", _range(entry)),
             ("options", escape(" ".join(f"{name}={value}" for name, value in entry["options"].items())))]
    if "size" in entry:
        facts.append(("painted at", "{}×{}".format(*entry["size"])))
    facts.append(("listed in", escape(entry["origin"])))
    parts.append(f"<dl>{''.join(f'<dt>{name}</dt><dd>{value}</dd>' for name, value in facts if value)}</dl>")
    links = [("painting", entry.get("output") if entry["status"] == "done" else None), ("source", entry["clip"]),
             ("manifest", entry.get("manifest") if entry["status"] == "done" else None)]
    # The bytes of names that are not UTF-8 stay as they are.
    shown = " · ".join(f'<a href="{escape(quote(path, errors="surrogateescape"))}">{name}</a> '
                       f'<span class="soft">{escape(path)}</span>' for name, path in links if path)
    return f'<section id="shot{entry["number"]}">{"".join(parts)}<p class="links">{shown}</p></section>'


def _name(path: str) -> str:
    return escape(Path(path).name)


def _styles(entry: Entry) -> str:
    weighted = len(entry["styles"]) > 1
    return ", ".join(_name(style["path"]) + (f" {style['weight']:g}" if weighted else "") for style in entry["styles"])


def _range(entry: Entry) -> str:
    return f"{entry['first']}–{entry['last']}" if "first" in entry else ""


def _clock(seconds: float) -> str:
    """`0:28`, `12:05` or `1:02:03`."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
