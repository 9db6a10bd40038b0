"""Settings that must stand before TensorFlow is imported."""

from augexp import device

device.configure()
