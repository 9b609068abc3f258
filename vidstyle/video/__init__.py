"""Video in, video out: what a clip holds, its frames one by one, and the painted clip beside its sound."""

from vidstyle.video.clip import Clip, Track
from vidstyle.video.colour import Colour, rgb_to_yuv, yuv_to_rgb
from vidstyle.video.decode import decode, sample
from vidstyle.video.encode import Encoder, OutputPlan, plan_output
from vidstyle.video.extras import StreamPlan, plan
from vidstyle.video.formats import default_suffix
from vidstyle.video.probe import probe
from vidstyle.video.target import PartFile, check_target, write_failed

__all__ = ["Clip", "Colour", "Encoder", "OutputPlan", "PartFile", "StreamPlan", "Track", "check_target", "decode",
           "default_suffix", "plan", "plan_output", "probe", "rgb_to_yuv", "sample", "write_failed", "yuv_to_rgb"]
