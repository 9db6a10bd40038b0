"""From when on the sizes of classes are doubtful."""

IMBALANCE = 10  # train images of the largest class for each one of the smallest
TINY = 10  # train images of a class
