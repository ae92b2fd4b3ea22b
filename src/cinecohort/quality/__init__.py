"""Image, segmentation and measure checks: one named check, one code, one threshold."""
