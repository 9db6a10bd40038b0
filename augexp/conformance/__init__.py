"""What proves the ops, ours and others', from their outputs alone. The door: `check.check`."""
