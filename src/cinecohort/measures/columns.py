"""Order of the columns of the measures table."""

from cinecohort.catalogue.measures import ANALYSED, CHECKED

COLUMNS = (
    *("source", "kind", "frames", "ed_frame", "es_frame", "heart_rate_bpm"),
    *(*ANALYSED, "status", *CHECKED, "unvalidated", "models", "voided"),
)
"""Columns of a row, after ``subject``. The last three are the views whose network was never tested on
labelled real hearts (comma list), the model of each view, and which measures are not given and why."""
