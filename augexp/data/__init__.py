"""Files become batches: a source, decoded once, split, gathered, augmented. The door: `splits.load_splits`."""
