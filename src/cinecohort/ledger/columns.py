"""The columns of the cohort's tables, once for all who write and read them; without pandas."""

OVERLAP_NUMBERS = ("dice", "mcd_mm", "hd_mm", "hd_max_mm", "n_slices", "n_skipped")
"""What is measured of one structure in one frame; see :func:`cinecohort.evaluation.overlap.overlap`."""

OVERLAP_COLUMNS = (
    *("subject", "dataset", "view", "source", "reference", "frame", "role", "structure", "position"),
    *OVERLAP_NUMBERS,
)
"""Columns of ``overlap.tsv``."""

VOIDED_COLUMNS = ("subject", "source", "measure", "code", "reason", "dataset", "frames")
"""Columns of ``voided.tsv``: the measures that are empty, and why."""
