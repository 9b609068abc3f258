"""Train one network for a whole film: from any clips and photographs, for one style or several that can be mixed afterwards."""

from vidstyle.train.distributed import launched_group
from vidstyle.train.loop import Trained, train_network

__all__ = ["Trained", "launched_group", "train_network"]
