"""Video in, video out: the facts of a clip, its frames one by one, and the painted clip with its sound."""

from vidstyle.video.clip import Clip, evenly_spaced
from vidstyle.video.images.pattern import (
    IMAGE_SUFFIXES,
    PICTURE_SUFFIXES,
    canonical_path,
    images_of,
    parse_pattern,
    pattern_of,
)
from vidstyle.video.interfaces import OutputPlan, Sink, Source, Written
from vidstyle.video.open import describe, open_source, probe
from vidstyle.video.read.container import MOVIE_SUFFIXES, libraries
from vidstyle.video.settings import ReadSettings, WriteSettings
from vidstyle.video.write.codecs import default_suffix
from vidstyle.video.write.output import plan_output
from vidstyle.video.write.target import check_output

__all__ = ["IMAGE_SUFFIXES", "MOVIE_SUFFIXES", "PICTURE_SUFFIXES", "Clip", "OutputPlan", "ReadSettings", "Sink", "Source",
           "WriteSettings", "Written", "canonical_path", "check_output", "default_suffix", "describe", "evenly_spaced",
           "images_of", "libraries", "open_source", "parse_pattern", "pattern_of", "plan_output", "probe"]
