"""Settings of matplotlib as a user may have them."""

from typing import Any

from cycler import cycler

HOSTILE: dict[Any, Any] = {
    "text.usetex": True, "savefig.transparent": True, "figure.facecolor": "none", "axes.facecolor": "black",
    "font.size": 30, "font.family": "serif", "savefig.dpi": 30, "figure.dpi": 40, "savefig.bbox": "tight",
    "savefig.format": "pdf", "savefig.facecolor": "red", "lines.linewidth": 9, "axes.grid": True, "axes.labelsize": 30,
    "axes.prop_cycle": cycler(color=["red"]), "image.cmap": "jet", "image.interpolation": "nearest",
    "axes.unicode_minus": False, "axes.spines.top": False, "text.color": "red", "xtick.labelsize": 30,
    "svg.fonttype": "path", "figure.constrained_layout.use": True, "figure.autolayout": False,
    "axes.formatter.use_mathtext": True, "text.parse_math": True, "xtick.minor.visible": True, "legend.frameon": False,
}  # fmt: skip
