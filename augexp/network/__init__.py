"""A network, what it runs on, and what it says of images. The doors: `build.build_network`, `trained.load`."""
