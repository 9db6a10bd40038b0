"""One run, from its configuration to its result. The door: `run.train`."""
