"""Changes to images and their labels: batches in, batches out.

The doors: `build`, for one's own code; `strategy.build`, inside.
"""

from augexp.augment.standalone import Augmentation, build
from augexp.config.ops.own import own_op

__all__ = ["Augmentation", "build", "own_op"]
