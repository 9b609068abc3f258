"""Error and time of every optical flow against true motion.

    python benchmarks/flow.py
    python benchmarks/flow.py dis raft-small=CHECKPOINT raft-large --data DATA --json

DATA holds `frames/sintel_gt` and `frames/middlebury`; it defaults to the environment variable VIDSTYLE_DATA. Without it
only generated scenes are measured. Columns: mean end-point error in px; the same over the points that are visible in both
images (nan if the data set does not say), and within 5 px of motion edges; share of pixels off by more than 1 px; seconds
for both directions.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))  # `benchmarks` and `training` are not installed

from benchmarks.flow_truth import generated, measure, pairs
from vidstyle.flow import load_flow


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("flows", nargs="*", default=["dis", "dis-fast"], help="names as for `vidstyle run --flow`")
    parser.add_argument("--data", type=Path, default=os.environ.get("VIDSTYLE_DATA"))
    parser.add_argument("--generated", type=int, default=16, help="how many generated scenes")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", action="store_true", help="one JSON object per flow and set")
    args = parser.parse_args()
    truths = (pairs(Path(args.data)) if args.data else []) + generated(args.generated)
    if not args.json:
        print(f"{'flow':12}{'set':14}{'pairs':>6}{'epe':>8}{'visible':>9}{'edges':>8}{'> 1 px':>8}{'seconds':>9}")
    for flow in args.flows:
        name = flow.partition("=")[0]
        for kind, score in measure(load_flow(flow, args.device), truths).items():
            count = sum(truth.set == kind for truth in truths)
            if args.json:
                known = {key: None if value != value else round(value, 4) for key, value in asdict(score).items()}
                print(json.dumps({"flow": name, "set": kind, "pairs": count, **known}), flush=True)
            else:
                print(f"{name:12}{kind:14}{count:6}{score.epe:8.3f}{score.visible:9.3f}{score.edges:8.3f}"
                      f"{score.wrong:8.1%}{score.seconds:9.2f}", flush=True)


if __name__ == "__main__":
    main()
