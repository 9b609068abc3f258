"""Train one network for a whole film: any clips and photographs, one style or several that can be mixed afterwards."""

from vidstyle.core.options import TrainOptions
from vidstyle.train.loop import Trained, train_network
from vidstyle.train.team import launched

__all__ = ["TrainOptions", "Trained", "launched", "train_network"]
