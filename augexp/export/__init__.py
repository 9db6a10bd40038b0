"""A trained run, taken home: one file that other programs can use. The door: `run.export`."""
