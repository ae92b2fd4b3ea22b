"""Sections on overlap: what was cut from a table is counted."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pandas as pd

from cinecohort.reporting.options import ReportOptions
from cinecohort.reporting.sections.overlap import strata_table

PAIR = {"source": "unet", "reference": "O1", "view": "sa", "structure": "LV", "selection": "all"}


def row(**other: object) -> dict[str, object]:
    numbers = {"n": 10, "n_excluded": 0}
    for metric in ("dice", "mcd_mm", "hd_mm"):
        numbers |= {f"{metric}_mean": 0.9, f"{metric}_sd": 0.1, f"n_{metric}": 10}
    return {**PAIR, **numbers, **other}


def test_levels_that_do_not_fit_are_counted(tmp_path: Path) -> None:
    (tmp_path / "agreement").mkdir()
    sites = pd.DataFrame([row(site=f"site {i}") for i in range(20)])
    sites.to_csv(tmp_path / "agreement" / "overlap_by_site.csv", index=False)
    results = SimpleNamespace(folder=tmp_path, automatic_sources=lambda: ["unet"])
    context = cast("Any", SimpleNamespace(results=results, options=ReportOptions(published_figures=False)))
    table = strata_table(context, pd.DataFrame([row()]))
    assert table is not None
    assert len(table.rows) == 1 + 12
    assert "Site: and 8 more in overlap_by_site.csv." in "".join(map(str, table.notes))
