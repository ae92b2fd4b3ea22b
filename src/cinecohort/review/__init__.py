"""The review room: static pages on which people look at segmentations, and the verdicts that they give."""
