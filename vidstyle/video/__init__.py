"""Video in, video out: what a clip holds, its frames one by one, and the painted clip beside its sound."""

from vidstyle.video.clip import Clip, Track
from vidstyle.video.images.pattern import Pattern, parse
from vidstyle.video.images.sequence import inputs
from vidstyle.video.pixels.colour import Colour, rgb_to_yuv, yuv_to_rgb
from vidstyle.video.read.container import libraries
from vidstyle.video.read.decode import decode, sample
from vidstyle.video.read.probe import probe
from vidstyle.video.write.extras import StreamPlan, plan
from vidstyle.video.write.formats import default_suffix
from vidstyle.video.write.movie import Encoder, OutputPlan
from vidstyle.video.write.output import PicturesPlan, PictureWriter, check_output, open_output, plan_output
from vidstyle.video.write.segment import Written

__all__ = ["Clip", "Colour", "Encoder", "OutputPlan", "Pattern", "PictureWriter", "PicturesPlan", "StreamPlan",
           "Track", "Written", "check_output", "decode", "default_suffix", "inputs", "libraries", "open_output",
           "parse", "plan", "plan_output", "probe", "rgb_to_yuv", "sample", "yuv_to_rgb"]
