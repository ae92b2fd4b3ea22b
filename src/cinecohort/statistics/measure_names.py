"""Which columns of a table are measures, which of them the papers print, and what others call them."""

import re

from cinecohort.measures.ukbb_columns import UKBB_COLUMNS

THEIR_NAMES: dict[str, str] = {
    **{theirs: ours for ours, theirs in UKBB_COLUMNS.items()},
    "LASV (mL)": "lasv_ml",
    "RASV (mL)": "rasv_ml",
}
"""Column of ukbb_cardiac's tables to ours."""

PRINCIPAL_MEASURES = ("lvedv_ml", "lvesv_ml", "lvm_g", "rvedv_ml", "rvesv_ml")
"""The five measures of Bai 2018 Table 5 and Figure 4 and of Chen 2020 Figure 8 and Table IX."""

DERIVED_MEASURES = ("lvsv_ml", "lvef_pct", "lvco_l_min", "rvsv_ml", "rvef_pct", "rvco_l_min")
"""The measures of Bai 2018 Table 9."""

_SEGMENT = re.compile(r"wt_aha_\d\d_mm")


def is_wall_segment(measure: str) -> bool:
    """Say whether a measure is the wall thickness of one of the 16 segments."""
    return _SEGMENT.fullmatch(measure) is not None
