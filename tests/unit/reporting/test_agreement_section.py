"""Which Bland-Altman plots the report shows, and the confidence that its tables name."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pandas as pd
import pytest

from cinecohort.reporting.sections.agreement import bland_altman_figures
from cinecohort.reporting.sections.agreement_tables import (
    AgreementTables,
    Comparison,
    correlation_table,
    limits_table,
)


def comparison(observer: str) -> Comparison:
    return Comparison(f"net-vs-{observer}", "automatic-observer", "net", observer, observer, True, 9)


@pytest.mark.parametrize(
    ("observers", "shown", "words"),
    [
        (["O1"], "net-vs-O1/bland_altman.svg", "net vs O1, frames of O1. "),
        (["O1", "O2"], "bland_altman_grid.svg", "Bland"),
        (["O1", "O2", "O3", "O4", "O5"], "net-vs-O1/bland_altman.svg", "net vs O1, frames of O1. "),
    ],
)
def test_a_grid_where_it_fits_a_page_else_one_comparison(
    tmp_path: Path, observers: list[str], shown: str, words: str
) -> None:
    for name in ("bland_altman_grid.svg", *(f"net-vs-{each}/bland_altman.svg" for each in observers)):
        path = tmp_path / "agreement" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    results = SimpleNamespace(folder=tmp_path)
    context = cast("Any", SimpleNamespace(results=results, figure_path=lambda name: tmp_path / name))
    comparisons = [comparison(each) for each in observers]
    (figure,) = bland_altman_figures(context, comparisons, comparisons[:3])
    assert (tmp_path / "fig-bland-altman.svg").read_text() == shown
    caption = str(cast("Any", figure).caption)
    assert caption.startswith(words)
    assert ("other comparisons" in caption) == (shown != "bland_altman_grid.svg" and len(observers) > 1)


def test_heads_name_the_confidence_that_was_set() -> None:
    bounds = {
        f"{stem}_ci_{end}": 1.0 for stem in ("bias", "loa_lower", "loa_upper") for end in ("low", "high")
    }
    limits = {"outliers": "kept", "n": 9, "sd": 2, "bias": 1, "loa_lower": 0, "loa_upper": 2, **bounds}
    numbers = ("spearman_rho", "spearman_ci_low", "spearman_ci_high", "spearman_rho2", "spearman_p")
    correlation = {"n": 9, **dict.fromkeys((*numbers, "pearson_r", "concordance"), 0.5)}
    measure = {"folder": "net-vs-O1", "measure": "lvedv_ml"}
    tables = AgreementTables(
        [comparison("O1")],
        pd.DataFrame(),
        pd.DataFrame([{**measure, **limits}]),
        pd.DataFrame([{**measure, **correlation}]),
        confidence=0.8,
    )
    for table in (
        *limits_table(tables, tables.comparisons),
        *correlation_table(tables, tables.comparisons, with_published=False),
    ):
        assert "80 % CI" in str(table)
        assert "95 %" not in str(table)
