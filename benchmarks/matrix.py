"""Every awkward clip through decode and encode unpainted, judged by FFmpeg's own program and MediaInfo, as a table.

    python benchmarks/matrix.py DATA [NAME ...]

DATA is a folder with a folder `video` of clips; more are made on the spot (`matrix_clips.py`). Needs the packages
imageio-ffmpeg (a newer FFmpeg than PyAV's) and pymediainfo; where ffmpeg and ffprobe are installed, as the older ones of a
distribution, they read every output too, in the column `second`. A cell is `=` where source and output agree as these
programs read them; each row ends in OK, in warnings that name what differs from the source, or in a refusal of one sentence.
Anything else is FAIL, and then the exit code is 1. The last cell is the mean difference of the first frames in codes of
the source's depth, written without loss, with `=` where the ffmpeg program decodes the very same bytes from both files;
in rows that try a codec also the PSNR of the file that it wrote, by the ffmpeg program.
"""

from __future__ import annotations

import re
import sys
import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import torch
from matrix_checks import check, psnr
from matrix_clips import CLIPS, CODECS, make_clips
from matrix_second import second

from vidstyle.core.errors import VidstyleError
from vidstyle.video import ReadSettings, WriteSettings, default_suffix, open_source, plan_output

DEFAULTS = ReadSettings()
COLUMNS = ("frames", "times", "length", "sound", "tags", "shape", "streams", "second", "codes")


@dataclass(frozen=True)
class ClipRow:
    """One clip written one way."""

    name: str
    cells: dict[str, str]
    verdict: str


def run(path: Path, folder: Path, read: ReadSettings = DEFAULTS, codec: str = "auto") -> ClipRow:
    """Write one clip in its own format, or report why it cannot be."""
    options = {"fps": "auto" if read.fps is None else str(read.fps), "hdr": read.hdr, "deinterlace": read.deinterlace,
               "on-damage": read.on_damage, "codec": codec}
    held = 0
    name = path.name + "".join(f" --{key} {value}" for key, value in options.items() if value not in ("refuse", "fail", "auto"))
    try:
        source = open_source(path, read)
        target = folder / f"out{default_suffix(source.clip, codec)}"
        plan = plan_output(target, source, None, WriteSettings(codec))
        with plan.open(overwrite=True) as sink:
            for frame in source.decode(clamp=False):
                sink.write(frame)
                held += frame.damage != ""
    except VidstyleError as error:
        text = str(error).replace(str(path), path.name)
        failed = "\n" in text or "reads back otherwise" in text
        return ClipRow(name, {}, f"{'FAIL ' if failed else ''}refused: {text}")
    warnings = [*source.warnings, *plan.warnings, *([f"{held} frames are held."] if held else [])]
    reported = "\n".join([*plan.streams, *warnings])
    cells = check(source, target, reported) | {"second": second(target)}
    if codec != "auto" and read.hdr == "refuse" and "alpha channel" not in reported:
        cells["codes"] += f", {psnr(source, target)}"
    wrong = [f"{key} {cell}" for key, cell in cells.items() if cell and not _good(cell)]
    verdict = f"FAIL {'; '.join(wrong)}" if wrong else "warned" if warnings or "dropped" in reported else "OK"
    dropped = [line for line in plan.streams if "dropped" in line]
    return ClipRow(name, cells, ": ".join([verdict, " ".join([*warnings, *dropped])]) if warnings or dropped else verdict)


def _good(cell: str) -> bool:
    if match := re.fullmatch(r"\d\.\d+(?:, alpha \d\.\d+)?(?:, =)?(?:, (inf|\d+) dB)?", cell):
        return float(match[1] or "inf") >= 30  # chroma that is interpolated otherwise costs as much; a wrong matrix costs more
    return all(part in ("=", "none", "= (samples)", "= (packets)") or part.endswith("(reported)") for part in cell.split(", "))


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    data, chosen = Path(sys.argv[1]) / "video", sys.argv[2:]
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        clips = sorted(path for path in data.iterdir() if path.is_file())
        clips = [*clips, *make_clips(folder, [name for name in CLIPS if not chosen or name in chosen])]
        rows = []
        print("| clip | " + " | ".join(COLUMNS) + " | verdict |\n" + "|---" * (len(COLUMNS) + 2) + "|")
        for path in clips:
            if chosen and path.name not in chosen:
                continue
            found = [run(path, folder)]
            if "--fps" in found[0].verdict:
                found.append(run(path, folder, ReadSettings(fps=Fraction(25))))
            if "--hdr" in found[0].verdict:
                found += [run(path, folder, ReadSettings(hdr="passthrough"), "hevc"),
                          run(path, folder, ReadSettings(hdr="tonemap"))]
            if "--deinterlace" in found[0].verdict:
                found += [run(path, folder, ReadSettings(deinterlace=how)) for how in ("off", "force")]
            if "alpha channel, which is dropped" in found[0].verdict:
                found += [run(path, folder, codec="prores"), run(path, folder, codec="ffv1")]
            if "--on-damage" in found[0].verdict:
                found.append(run(path, folder, ReadSettings(on_damage="hold")))
            found += [run(path, folder, codec=codec) for codec in CODECS.get(path.name, ())]
            if path.suffix == ".webm":
                found.append(run(path, folder, codec="vp9"))
            rows += found
            for row in found:
                cells = " | ".join(row.cells.get(column, "") for column in COLUMNS)
                print(f"| {row.name} | {cells} | {row.verdict} |", flush=True)
    failed = sum(row.verdict.startswith("FAIL") for row in rows)
    print(f"\n{len(rows)} rows, {failed} fail.")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
