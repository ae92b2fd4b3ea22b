"""Which Bland-Altman plots the report shows, and the confidence that its tables name."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pandas as pd
import pytest

from cinecohort.reporting.document import Section, Table
from cinecohort.reporting.results import read_results
from cinecohort.reporting.sections import agreement, reliability
from cinecohort.reporting.sections.agreement import bland_altman_figures
from cinecohort.reporting.sections.agreement_tables import (
    AgreementTables,
    Comparison,
    correlation_table,
    limits_table,
)
from cinecohort.reporting.sections.context import Context
from cinecohort.reporting.settings import report_settings
from support.fake_analyses import add_agreement


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


@pytest.mark.usefixtures("quick_figures")
@pytest.mark.parametrize(
    ("analysed", "printed", "missing"),
    [
        (1, set(), {"tab-differences", "tab-limits", "tab-correlation", "tab-overlap", "tab-reliability"}),
        (3, {"tab-differences", "tab-limits", "tab-overlap", "tab-reliability"}, {"tab-correlation"}),
        (4, {"tab-differences", "tab-limits", "tab-correlation", "tab-overlap", "tab-reliability"}, set()),
    ],
)
def test_few_subjects_are_not_printed_as_if_they_were_many(
    fake_results: Callable[..., Path], analysed: int, printed: set[str], missing: set[str]
) -> None:
    folder = fake_results(n=analysed, n_excluded=0, models=("unet",))
    add_agreement(folder)
    options, config = report_settings(folder)
    (folder / "figures").mkdir()
    context = Context(read_results(folder, config), options, folder)
    sections: list[Section] = [*agreement.section(context), reliability.section(context)]
    labels = " ".join(b.label for section in sections for b in section.blocks if isinstance(b, Table))
    assert {name for name in printed if name not in labels} == set()
    assert {name for name in missing if name in labels} == set()
    if analysed == 1:
        assert "Each is of one subject" in str(sections[0].blocks[0])
