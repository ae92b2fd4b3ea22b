"""Overlap and distances between two segmentations."""
