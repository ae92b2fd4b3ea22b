"""Names and order of the columns of the measures table."""

VENTRICULAR = (
    "lvedv_ml",
    "lvesv_ml",
    "lvsv_ml",
    "lvef_pct",
    "lvco_l_min",
    "lvm_g",
    "rvedv_ml",
    "rvesv_ml",
    "rvsv_ml",
    "rvef_pct",
    "rvco_l_min",
)
ATRIAL = ("la_max_ml", "la_min_ml", "laef_pct", "ra_max_ml", "ra_min_ml", "raef_pct")
WALL_THICKNESS = (*(f"wt_aha_{segment:02d}_mm" for segment in range(1, 17)), "wt_global_mm")
SUPPLEMENTARY = (
    "lvm_es_g",
    "la_2ch_max_ml",
    "la_4ch_max_ml",
    "es_phase",
    "la_max_phase",
    "unvalidated",
    "models",
)
"""What the consistency checks look at (mass at end-systole, single-plane atria, when they occur), the views
whose network was never tested on labelled real hearts (comma list), and the model of each view."""

MEASURES = (*VENTRICULAR, *ATRIAL, *WALL_THICKNESS)
"""The measures that analyses use."""

COLUMNS = (
    "source",
    "kind",
    "frames",
    "ed_frame",
    "es_frame",
    "heart_rate_bpm",
    *MEASURES,
    "status",
    *SUPPLEMENTARY,
)
"""Columns of a row, after ``subject``."""
