"""Overlap and distances between two segmentations: Dice, mean contour distance, Hausdorff distance."""
