"""Where examples come from: a TFDS name, an image folder or the embedded digits, each as the bytes of image files.

Every source ends in the same shape, so that decoding, splitting and caching are written once.
"""

from augexp.config.schema import Data
from augexp.data import tfds
from augexp.data.digits import open_digits
from augexp.data.examples import DIGITS, Source
from augexp.data.folder import FOLDER, open_folder


def open_source(data: Data) -> Source:
    """The data set that `data.source` names; a TFDS set is downloaded and prepared first where it has to be.

    Raises:
        UserError: if there is no such data set, it can't be had, or it is not image classification.
    """
    if data.source == DIGITS:
        return open_digits()
    if data.source.startswith(FOLDER):
        return open_folder(data.source)
    return tfds.open_set(data)


def is_prepared(data: Data) -> bool:
    """Whether `open_source` has nothing to download.

    Raises:
        UserError: if TFDS knows no such data set.
    """
    if data.source == DIGITS or data.source.startswith(FOLDER):
        return True
    return tfds.is_prepared(data)


def count_classes(data: Data) -> int:
    """Number of classes of a set that may not be downloaded yet.

    Raises:
        UserError: if TFDS knows no such data set, or it is not image classification.
    """
    if is_prepared(data):
        return len(open_source(data).class_names)
    return tfds.count_classes(data)
