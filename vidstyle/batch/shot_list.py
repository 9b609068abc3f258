"""Shot lists: CSV and TOML files with a clip on each row, folders and globs, read as shots."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from vidstyle.batch.clips import find_clips
from vidstyle.batch.shot import Shot
from vidstyle.core.config import Stated, check_names, read_stated, read_text, read_toml
from vidstyle.core.errors import UsageError
from vidstyle.painting.style_picture import Style
from vidstyle.run.plan import Selection
from vidstyle.run.unused import refuse_unused

LIST_SUFFIXES = (".csv", ".toml")
_OWN_NAMES = ("clip", "output")  # beside the options of `run`, their frames, start, end and style
_COMMENT = re.compile(r"\s*#(?!#*\.)|\s*$")  # `####.exr` names a sequence


def read_shots(where: Sequence[str | Path], base: Shot) -> list[Shot]:
    """The shots that `where` names, in order: shot lists (.csv, .toml), folders, globs and clips.

    base: what holds for every shot where its list states nothing else; its clip is not used. A list's row comes before
    `base`, and `base` before the [defaults] of a TOML list. Paths in a list are relative to the list. Raises UsageError for
    what is wrong in a list, with its place, and InputError for a folder or a glob without clips.
    """
    shots = list[Shot]()
    for path in map(Path, where):
        suffix = path.suffix.lower()
        if suffix in LIST_SUFFIXES and not os.path.isdir(path):
            shots += _read_csv(path, base) if suffix == ".csv" else _read_toml_list(path, base)
        else:
            shots += [replace(base, clip=clip) for clip in find_clips(path)]
    for shot in shots:
        if not shot.styles and not shot.options.has_keys:
            raise UsageError(f"{shot.origin or shot.clip}: no style is given; name a picture with --style"
                             + (", or in a column style of the list." if shot.origin else "."))
    return shots


def _read_csv(path: Path, base: Shot) -> list[Shot]:
    """The shots of a CSV file: a header of names, then a row for each shot; empty cells state nothing."""
    lines = [(number, line) for number, line in enumerate(read_text(path, "a shot list").splitlines(keepends=True), 1)
             if not _COMMENT.match(line)]
    if len(lines) < 2:
        raise UsageError(f"{path}: holds no shots; write a header such as clip,style and a row for each shot.")
    header = lines[0][1]
    # Programs write tabs, and semicolons where the comma is the decimal point; no name holds either.
    separator = "\t" if "\t" in header else ";" if ";" in header and "," not in header else ","
    rows = csv.reader((line for _, line in lines), delimiter=separator, skipinitialspace=True, strict=True)
    try:
        names = [_name(cell) for cell in next(rows)]
    except csv.Error as error:
        raise UsageError(f"{path}, line {lines[0][0]}: is no header of CSV ({error}); check its quotes.") from error
    while names and not names[-1]:
        names.pop()
    place = f"{path}, line {lines[0][0]}"
    check_names(dict.fromkeys(names), place, _OWN_NAMES)
    if "clip" not in names or len(set(names)) < len(names):
        raise UsageError(f"{place}: {'names no column clip' if 'clip' not in names else 'names a column twice'}; "
                         "give each column once, and one of them is clip.")
    shots, at = list[Shot](), 1
    try:
        for cells in rows:
            place = f"{path}, line {lines[at][0]}"
            at = rows.line_num
            if any(cell.strip() for cell in cells[len(names):]):
                raise UsageError(f"{place}: has {len(cells)} cells for {len(names)} columns; "
                                 "put a value with a separator in it in quotes.")
            values = {name: cell.strip() or None for name, cell in zip(names, cells, strict=False)}
            shots += _shots_of(values, path, base, place, text=True)
    except csv.Error as error:
        raise UsageError(f"{path}, line {lines[at][0]}: is no row of CSV ({error}); check its quotes.") from error
    return shots


def _name(cell: str) -> str:
    """The name of an option as the command line or a config writes it."""
    return cell.strip().removeprefix("--").replace("-", "_").lower()


def _read_toml_list(path: Path, base: Shot) -> list[Shot]:
    """The shots of a TOML file: a table [[shot]] for each, and [defaults] for all."""
    table = read_toml(path)
    if unknown := sorted(set(table) - {"defaults", "shot"}):
        raise UsageError(f"{path}: unknown {', '.join(unknown)}; a shot list has tables [[shot]], and [defaults].")
    defaults, tables = table.get("defaults", {}), table.get("shot", [])
    if not isinstance(defaults, dict) or not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
        raise UsageError(f"{path}: shot and defaults are no tables; write [[shot]] above each shot, and [defaults] once.")
    if not tables:
        raise UsageError(f"{path}: holds no shots; write [[shot]] above each, with its clip.")
    base = _with_defaults(path, defaults, base)
    return [shot for number, values in enumerate(tables, 1) for shot in _toml_shots(path, number, values, base)]


def _with_defaults(path: Path, defaults: Mapping[str, Any], base: Shot) -> Shot:
    """`base` with what the [defaults] of a list state and the command line does not."""
    place = f"{path}, [defaults]"
    check_names(defaults, place)
    stated = read_stated(defaults, lambda name: path.parent / name, lambda name: f"{place}, {name}")
    options = {name: value for name, value in stated.options.items() if name not in base.given}
    stated = Stated(options, () if base.styles else stated.styles, stated.range if base.selection == Selection() else None)
    return _changed(base, stated)


def _toml_shots(path: Path, number: int, values: Mapping[str, Any], base: Shot) -> list[Shot]:
    place = f"{path}, shot {number}"
    check_names(values, place, _OWN_NAMES)
    for name in _OWN_NAMES:
        if not isinstance(values.get(name, ""), str):
            raise UsageError(f"{place}, {name}: is {values[name]!r}; give a name in quotes.")
    return list(_shots_of(values, path, base, place, text=False))


def _shots_of(values: Mapping[str, Any], path: Path, base: Shot, place: str, *, text: bool) -> Iterator[Shot]:
    """The shots of one row of the list at `path`: several where its clip is a folder or a glob."""

    def where(name: str) -> str:
        return f"{place}, column {name}" if text else f"{place}, {name}"

    if not values.get("clip"):
        raise UsageError(f"{place}: names no clip; give one.")
    stated = read_stated(values, lambda name: path.parent / name, where, text=text)
    clips, output = find_clips(path.parent / values["clip"]), values.get("output")
    shot = replace(_changed(base, stated), origin=place)
    try:
        refuse_unused(stated.options, shot.options)
    except UsageError as error:
        raise UsageError(f"{place}: {error}") from error
    if output is not None:
        target = path.parent / output
        is_folder = output.endswith(("/", "\\")) or os.path.isdir(target)
        if len(clips) > 1 and not is_folder:
            raise UsageError(f"{where('output')}: {output} is one file for {len(clips)} clips; give a folder, as {output}/.")
        shot = replace(shot, target=None, folder=target) if is_folder else replace(shot, target=target, folder=target.parent)
    yield from (replace(shot, clip=clip) for clip in clips)


def _changed(shot: Shot, stated: Stated) -> Shot:
    """`shot` with what is stated."""
    return replace(
        shot, options=replace(shot.options, **stated.options), given=shot.given | set(stated.options),
        styles=tuple(Style(file, weight) for file, weight in stated.styles) or shot.styles,
        selection=shot.selection if stated.range is None else Selection(*stated.range))
