"""Every file format of a run folder, the only thing that crosses from training to comparison.

The doors: `folder.create`, `read.load`.
"""
