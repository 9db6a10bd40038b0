"""Simulates the shipped constants anew: `python -m tests.tools.constants > augexp/compare/critical.json`."""

import json
import math
import sys
from itertools import product

from scipy.stats import studentized_range

from augexp.compare.critical import ANY_RATIO, ERROR, RATIO, SHIPPED_STUDIES, name_of, simulated

STRATEGIES = range(2, 11)
LOOKS = (
    *((seeds,) for seeds in (*range(2, 11), 12, 15, 20)),
    *((3, 5), (3, 5, 8), (3, 5, 8, 12), (4, 8), (5, 10), (4, 8, 12), (5, 10, 20)),
)


def main() -> None:
    found = {
        name_of(strategies, looks, ratio): simulated(strategies, looks, ratio=ratio, studies=SHIPPED_STUDIES)
        for ratio, strategies, looks in product((RATIO, ANY_RATIO), STRATEGIES, LOOKS)
    }
    found |= {f"range of {k}": (studentized_range.ppf(1 - ERROR, k, math.inf) / math.sqrt(2),) for k in range(2, 41)}
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(values)}" for name, values in found.items())
    sys.stdout.write(f"{{\n{lines}\n}}\n")


if __name__ == "__main__":
    main()
