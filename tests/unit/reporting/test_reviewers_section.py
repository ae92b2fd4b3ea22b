"""What people said, as the report prints it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pandas as pd

from cinecohort.reporting.document import Paragraph, Table
from cinecohort.reporting.options import ReportOptions
from cinecohort.reporting.sections.reviewers import assessment_blocks, reviewer_paragraph

KAPPA = {"kappa": 0.4, "ci_low": -0.1, "ci_high": 0.9}


def context_of(folder: Path, published: bool = False, **tables: list[dict[str, Any]]) -> Any:
    (folder / "agreement").mkdir()
    for name, rows in tables.items():
        pd.DataFrame(rows).to_csv(folder / "agreement" / f"{name}.csv", index=False)
    options = ReportOptions(published_figures=published)
    return cast("Any", SimpleNamespace(results=SimpleNamespace(folder=folder), options=options))


def scored(**other: Any) -> dict[str, Any]:
    counts = {"better": 1, "same": 2, "worse": 1, "not_sure": 0, "n": 4, "n_ignored": 0, "simulated": ""}
    return {"analyst": "XY", "region": "mid", **counts, **other}


def test_kappa_of_two_reviewers(tmp_path: Path) -> None:
    rows = [
        {"first": "X", "second": "Y", "weights": weights, "n": 4, "n_same": 3, **KAPPA}
        for weights in ("linear", "quadratic")
    ]
    paragraph = reviewer_paragraph(context_of(tmp_path, reviewers=rows))
    assert paragraph is not None
    assert str(paragraph.text) == (
        "Reviewers: X and Y both judged 4 subjects and gave 75 % the same verdict; Cohen's weighted kappa "
        "(accept, unsure, reject) is 0.40 (95 % CI \N{MINUS SIGN}0.10 to 0.90) with linear weights and 0.40 "
        "(95 % CI \N{MINUS SIGN}0.10 to 0.90) with quadratic weights."
    )


def test_nobody_said_anything(tmp_path: Path) -> None:
    context = context_of(tmp_path)
    assert reviewer_paragraph(context) is None
    assert assessment_blocks(context) == []


def test_the_assessment_is_laid_out_as_published(tmp_path: Path) -> None:
    pair = [{"first": "XY", "second": "Z", "region": "mid", "n": 4, "n_same": 3, **KAPPA}]
    rows = [scored(), scored(analyst="Z", simulated="true", n_ignored=2)]
    context = context_of(tmp_path, True, visual_assessment=rows, visual_assessment_agreement=pair)
    table, agreement, left_out = assessment_blocks(context)
    assert isinstance(table, Table) and isinstance(agreement, Paragraph) and isinstance(left_out, Paragraph)
    headings = [column.title for column in table.columns]
    assert headings == [
        "Analyst and slices",
        "Agreement",
        "Automatic better",
        "Manual better",
        "Not sure",
        "n",
    ]
    assert list(table.rows[:2]) == ["XY", ["Mid-ventricular", "50.0 %", "25.0 %", "25.0 %", "0.0 %", "4"]]
    assert table.rows[2] == "Z, simulated: made-up scores"
    assert ["Basal", "40.0 %", "26.2 %", "20.6 %", "13.2 %", "250"] in list(table.rows)
    assert list(table.published_rows) == list(range(4, len(table.rows)))
    assert "have seen no picture" in "".join(map(str, table.notes))
    assert "mid-ventricular 0.40" in str(agreement.text)
    assert str(left_out.text).startswith("2 scores are about cases outside the sample")


def test_an_analyst_without_scores_in_the_sample(tmp_path: Path) -> None:
    rows = [scored(better=0, same=0, worse=0, n=0, n_ignored=3)]
    table, _ = assessment_blocks(context_of(tmp_path, visual_assessment=rows))
    assert isinstance(table, Table)
    assert table.rows[1][-1] == "0"
