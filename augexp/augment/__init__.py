"""Augmentation: the specs a configuration names (`specs`), the ops they stand for, and the strategy they make together."""
