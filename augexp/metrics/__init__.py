"""Numbers from class probabilities and labels, and the table of all of them. The door: `scores.metrics`."""
