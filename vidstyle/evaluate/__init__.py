"""The yardstick: how steady a painted clip is and how it looks, beside its source and two clips that bracket it."""

from vidstyle.evaluate.record import METRICS, Evaluation, Metric, Threshold, Worst, parse_threshold
from vidstyle.evaluate.report import Album, write_report
from vidstyle.evaluate.run import Seen, Watcher, evaluate_video

__all__ = ["METRICS", "Album", "Evaluation", "Metric", "Seen", "Threshold", "Watcher", "Worst", "evaluate_video",
           "parse_threshold", "write_report"]
