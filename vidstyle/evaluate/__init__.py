"""The yardstick: how steady a painted clip is and how it looks, beside its source and two clips that bracket it."""

from vidstyle.evaluate.record import METRICS, Evaluation, Metric, Threshold, Worst, parse_threshold
from vidstyle.evaluate.run import Watcher, evaluate_video

__all__ = ["METRICS", "Evaluation", "Metric", "Threshold", "Watcher", "Worst", "evaluate_video", "parse_threshold"]
