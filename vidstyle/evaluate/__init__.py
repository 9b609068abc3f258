"""Evaluation of a painted clip: stability, style, sharpness and structure, next to its source and a baseline."""

from vidstyle.evaluate.inputs import Inputs, find_inputs
from vidstyle.evaluate.record import METRICS, Evaluation, parse_threshold
from vidstyle.evaluate.report import ReportFrames, write_report
from vidstyle.evaluate.run import JudgedFrame, evaluate_video

__all__ = ["METRICS", "Evaluation", "Inputs", "JudgedFrame", "ReportFrames", "evaluate_video", "find_inputs", "parse_threshold",
           "write_report"]
