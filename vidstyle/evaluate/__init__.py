"""Evaluation of a painted clip: stability, style, sharpness and structure, next to its source and a baseline."""

from vidstyle.evaluate.record import METRICS, Evaluation, Metric, Threshold, Worst, parse_threshold
from vidstyle.evaluate.report import ReportFrames, write_report
from vidstyle.evaluate.run import FrameListener, JudgedFrame, evaluate_video

__all__ = ["METRICS", "Evaluation", "FrameListener", "JudgedFrame", "Metric", "ReportFrames", "Threshold", "Worst",
           "evaluate_video", "parse_threshold", "write_report"]
