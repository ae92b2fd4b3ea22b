"""Names of measures: ours, those of ukbb_cardiac's tables, and how they are printed."""

import re

UKBB_CARDIAC_COLUMNS: dict[str, str] = {
    "LVEDV (mL)": "lvedv_ml",
    "LVESV (mL)": "lvesv_ml",
    "LVSV (mL)": "lvsv_ml",
    "LVEF (%)": "lvef_pct",
    "LVCO (L/min)": "lvco_l_min",
    "LVM (g)": "lvm_g",
    "RVEDV (mL)": "rvedv_ml",
    "RVESV (mL)": "rvesv_ml",
    "RVSV (mL)": "rvsv_ml",
    "RVEF (%)": "rvef_pct",
    "RVCO (L/min)": "rvco_l_min",
    "LAV max (mL)": "la_max_ml",
    "LAV min (mL)": "la_min_ml",
    "LASV (mL)": "lasv_ml",
    "LAEF (%)": "laef_pct",
    "RAV max (mL)": "ra_max_ml",
    "RAV min (mL)": "ra_min_ml",
    "RASV (mL)": "rasv_ml",
    "RAEF (%)": "raef_pct",
    **{f"WT_AHA_{segment} (mm)": f"wt_aha_{segment:02d}_mm" for segment in range(1, 17)},
    "WT_Global (mm)": "wt_global_mm",
}
"""Column of ukbb_cardiac's tables to ours (Bai 2018, published code)."""

PRINCIPAL_MEASURES = ("lvedv_ml", "lvesv_ml", "lvm_g", "rvedv_ml", "rvesv_ml")
"""The five measures of Bai 2018 Table 5 and Figure 4 and of Chen 2020 Figure 8 and Table IX."""

DERIVED_MEASURES = ("lvsv_ml", "lvef_pct", "lvco_l_min", "rvsv_ml", "rvef_pct", "rvco_l_min")
"""The measures of Bai 2018 Table 9."""

_UNITS = {"_l_min": "L/min", "_ml": "mL", "_pct": "%", "_mm": "mm", "_bpm": "bpm", "_g": "g"}
_SEGMENT = re.compile(r"wt_aha_(\d\d)_mm")


def unit(measure: str) -> str:
    """Return the unit that the end of a measure's name says; empty where it says none."""
    indexed = measure.endswith("_i")
    stem = measure.removesuffix("_i")
    for suffix, name in _UNITS.items():
        if stem.endswith(suffix):
            return f"{name}/m²" if indexed else name
    return ""


def label(measure: str) -> str:
    """Return a measure as it is printed, for instance ``LVEDV (mL)``; unknown names stay as they are."""
    name = unit(measure)
    if not name:
        return measure
    stem = measure.removesuffix("_i")
    stem = stem.removesuffix(next(suffix for suffix in _UNITS if stem.endswith(suffix)))
    if match := _SEGMENT.fullmatch(measure):
        return f"Wall, segment {int(match[1])} (mm)"
    if stem == "wt_global":
        return "Wall thickness (mm)"
    words = stem.split("_")
    words[0] = words[0].upper() if len(words[0]) <= 5 else words[0].capitalize()
    return f"{' '.join(words)} ({name})"


def is_wall_segment(measure: str) -> bool:
    """Say whether a measure is the wall thickness of one of the 16 segments."""
    return _SEGMENT.fullmatch(measure) is not None
