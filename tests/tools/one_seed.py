"""What a table of one seed says: `python -m tests.tools.one_seed` prints the table of docs/reproduced.md.

The spreads are those of the runs behind docs/scoring.md: of the paired difference of two strategies over seeds, in
points, with the best epoch on val scored, as the notebook did.
"""

import numpy as np

SPREADS = {
    "digits, SmallCNN": 0.244,
    "CIFAR-10, 500 a class, SmallCNN": 0.629,
    "ImageWoof, frozen MobileNetV2": 1.099,
    "ImageWoof, whole MobileNetV2, rate 0.02": 5.396,
}  # variances, points squared
STRATEGIES, TABLES, SEED = 4, 200_000, 0
BETTER = 1.0  # points


def say(spread: float) -> tuple[float, float, float]:
    """The lead of the first over the last of equal strategies, once each, in points: median, 95th percentile.

    And the share of tables in which one that is truly `BETTER` than another comes out no better.

    Args:
        spread: standard deviation of a paired difference, in points.
    """
    runs = np.random.default_rng(SEED).normal(0, spread / np.sqrt(2), (TABLES, STRATEGIES))
    lead = np.ptp(runs, axis=1)
    wrong = (runs[:, 0] + BETTER <= runs[:, 1]).mean()
    return float(np.median(lead)), float(np.quantile(lead, 0.95)), float(wrong)


def main() -> None:
    heading = f"first over last of {STRATEGIES} equal ones, median"
    print(f"| runs | sd of a difference | {heading} | in one of 20 | 1 point better, and not seen |")
    print("|---|---|---|---|---|")
    for name, variance in SPREADS.items():
        middle, high, wrong = say(np.sqrt(variance))
        print(f"| {name} | {np.sqrt(variance):.2f} | {middle:.2f} | {high:.2f} | {wrong:.0%} |")


if __name__ == "__main__":
    main()
