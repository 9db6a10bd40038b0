"""Where the project lies, and what may lie beside it."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"  # real photos and weights; tests that use it skip where it is missing
