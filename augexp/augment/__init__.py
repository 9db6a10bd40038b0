"""Changes to images and their labels: batches in, batches out. The door: `strategy.build`."""
