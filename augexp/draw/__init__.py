"""Values become matplotlib figures; no statistics, no files. The door: every function that gives a `Figure`."""
