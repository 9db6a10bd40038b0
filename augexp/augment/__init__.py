"""Augmentation: the specs a configuration names, the ops they stand for, and the strategy they make together."""
