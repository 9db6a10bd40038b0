"""Is the difference real? Numbers only: no words, no figures, no TensorFlow. The door: `judge.judge`."""
