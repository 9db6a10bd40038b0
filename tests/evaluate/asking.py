"""Probes by their names, as the command line asks for them."""

from augexp.evaluate.probes import PROBES, Probe


def asked(*names: str) -> tuple[Probe, ...]:
    """Those with these names."""
    return tuple(probe for probe in PROBES if probe.name in names)
