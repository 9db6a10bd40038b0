"""Many runs: a grid of settings, trained here or on a cluster, watched, resumed. The door: `sweep.run`."""
