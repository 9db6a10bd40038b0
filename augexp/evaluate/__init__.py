"""What a strategy changed beside one accuracy. The door: `run.evaluate`."""
