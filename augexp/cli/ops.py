"""`augexp ops`."""


def ops() -> None:
    """List every op: what it does, its parameters with their defaults, its paper."""
    from augexp import console
    from augexp.report.ops import Listing

    console.out.print(Listing())
    console.tell("only: [CLASS, ...] makes any op one for these classes alone: {name: cutmix, only: [dingo, beagle]}")
