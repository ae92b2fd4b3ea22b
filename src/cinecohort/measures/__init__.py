"""From label map and spacing to clinical numbers: pure functions."""
