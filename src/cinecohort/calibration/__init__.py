"""Calibrated quality control: what predicts a bad segmentation, and intervals that cover."""
