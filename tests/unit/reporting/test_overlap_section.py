"""Sections on overlap: what n counts, who is below the floor, what was cut."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pandas as pd
import pytest

from cinecohort.reporting import published
from cinecohort.reporting.options import ReportOptions
from cinecohort.reporting.sections.overlap import floor_sentence, overlap_blocks, overlap_table, strata_table

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
    results = SimpleNamespace(folder=tmp_path, automatic_sources=lambda: ["unet"], overlap_noun="subject")
    context = cast("Any", SimpleNamespace(results=results, options=ReportOptions(published_figures=False)))
    table = strata_table(context, pd.DataFrame([row()]))
    assert table is not None
    assert len(table.rows) == 1 + 12
    assert "Site: and 8 more in overlap_by_site.csv." in "".join(map(str, table.notes))


@pytest.mark.parametrize(
    ("noun", "words", "others"),
    [("subject", "over frames of a", "frames than"), ("frame", "n counts frames", "subject")],
)
def test_the_note_follows_what_n_counts(noun: str, words: str, others: str) -> None:
    table = overlap_table(pd.DataFrame([row()]), [("unet", "O1")], "tab-x", published.NOTHING, noun)
    notes = "".join(map(str, table.notes))
    assert words in notes
    assert others not in notes


def test_subjects_below_the_floor_are_counted_in_each_view() -> None:
    low = {"selection": "dice >= 0.5"}
    rows = [row(**low, n_excluded=2), row(**low, view="la_4ch", structure="LA", n_excluded=3), row()]
    sentence = floor_sentence(pd.DataFrame(rows))
    assert "Dice below 0.5" in sentence
    assert "unet vs O1, short axis: 2; " in sentence
    assert "unet vs O1, 4-chamber: 3)" in sentence


def test_end_diastole_stands_before_end_systole_whatever_their_frames(tmp_path: Path) -> None:
    (tmp_path / "agreement").mkdir()
    roles = pd.DataFrame([row(role="es"), row(role="ed")])
    roles.to_csv(tmp_path / "agreement" / "overlap_by_frame.csv", index=False)
    results = SimpleNamespace(folder=tmp_path, automatic_sources=lambda: ["unet"], overlap_noun="subject")
    context = cast("Any", SimpleNamespace(results=results, options=ReportOptions(published_figures=False)))
    table = strata_table(context, pd.DataFrame([row()]))
    assert table is not None
    assert [line[0] for line in table.rows[1:]] == ["ED", "ES"]


def test_the_overlap_of_one_subject_is_no_table(tmp_path: Path) -> None:
    (tmp_path / "agreement").mkdir()
    pd.DataFrame([row(n=1)]).to_csv(tmp_path / "agreement" / "overlap.csv", index=False)
    context = cast("Any", SimpleNamespace(results=SimpleNamespace(folder=tmp_path)))
    (sentence,) = overlap_blocks(context)
    assert "one subject alone" in str(sentence)
