"""What rests on networks that were not validated stays out of agreement and studies unless asked for."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cinecohort.analyses import agreement_files, study_files
from cinecohort.analyses.group_study import validated_outcomes
from cinecohort.analyses.study_files import run_study
from cinecohort.statistics.options import AgreementOptions
from cinecohort.statistics.study_options import StudyOptions
from cinecohort.statistics.unvalidated import validated_overlap, without_unvalidated

N = 24
STUDY = {
    "name": "size",
    "exposure": {"label": "Tall", "condition": "height_cm >= 170"},
    "reference": {"label": "Short", "condition": "height_cm < 170"},
    "covariates": ["age_years"],
    "outcomes": ["lvedv_ml", "la_max_ml"],
    "source": "primary",
    "sensitivity": {"calipers": [], "ratios": [], "orders": []},
}


@pytest.fixture
def measures() -> pd.DataFrame:
    """Two sources per subject; the primary one's 2Ch network was not validated."""
    draw = np.random.default_rng(0).normal
    rows = []
    for number in range(N):
        for source, kind, unvalidated in (("primary", "auto", "la_2ch"), ("manual", "manual", None)):
            row = {"subject": f"S{number:02d}", "source": source, "kind": kind, "frames": "own"}
            row |= {"lvedv_ml": draw(150, 20), "la_max_ml": draw(70, 9), "la_max_ml_i": draw(35, 5)}
            rows.append(row | {"ra_max_ml": draw(80, 9), "status": "ok", "unvalidated": unvalidated})
    return pd.DataFrame(rows)


@pytest.fixture
def participants() -> pd.DataFrame:
    draw = np.random.default_rng(1).normal
    return pd.DataFrame(
        {
            "subject": [f"S{number:02d}" for number in range(N)],
            "height_cm": [165 + 10 * (number % 2) for number in range(N)],
            "age_years": draw(60, 6, N),
        }
    )


def test_only_what_rests_on_them_is_emptied(measures: pd.DataFrame) -> None:
    kept, left_out = without_unvalidated(measures)
    automatic, manual = kept["source"] == "primary", kept["source"] == "manual"
    assert kept.loc[automatic, ["la_max_ml", "la_max_ml_i"]].isna().all(axis=None)
    untouched = ["lvedv_ml", "ra_max_ml"]
    pd.testing.assert_frame_equal(kept.loc[automatic, untouched], measures.loc[automatic, untouched])
    pd.testing.assert_frame_equal(kept[manual], measures[manual])
    assert left_out["what"].tolist() == ["la_max_ml", "la_max_ml_i"]
    assert left_out["n"].tolist() == [N, N]
    assert "2-chamber view was not validated" in left_out["reason"][0]
    same, nothing = without_unvalidated(measures.drop(columns="unvalidated"))
    assert len(nothing) == 0
    assert same["la_max_ml"].notna().all()


def test_overlap_of_a_view() -> None:
    overlap = pd.DataFrame(
        {
            "subject": ["a", "a", "b"],
            "view": ["sa", "la_2ch", "la_2ch"],
            "source": "primary",
            "unvalidated": [None, "true", True],
        }
    )
    kept, left_out = validated_overlap(overlap)
    assert kept["view"].tolist() == ["sa"]
    assert left_out[["what", "n"]].to_numpy().tolist() == [["overlap la_2ch", 2]]


def study(measures: pd.DataFrame, participants: pd.DataFrame, out: Path, unvalidated: str, **changes) -> dict:
    run_study(measures, participants, None, StudyOptions(**{**STUDY, **changes}), out, unvalidated)
    return json.loads((out / "summary.json").read_text())


@pytest.fixture(autouse=True)
def no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study_files, "_write_figures", lambda *arguments: None)
    monkeypatch.setattr(agreement_files, "_write_grids", lambda *arguments: None)


def test_a_study_leaves_them_out_and_says_so(
    measures: pd.DataFrame, participants: pd.DataFrame, tmp_path: Path
) -> None:
    summary = study(measures, participants, tmp_path, "exclude")
    assert pd.read_csv(tmp_path / "comparison.csv")["outcome"].tolist() == ["lvedv_ml"]
    left_out = pd.read_csv(tmp_path / "left_out.csv")
    assert left_out[["source", "what", "n"]].to_numpy().tolist() == [["primary", "la_max_ml", N]]
    (warning,) = [words for words in summary["warnings"] if "left out" in words]
    assert warning.startswith(
        "LA maximum (mL) was left out: the network of the 2-chamber view was not validated"
    )
    assert summary["options"]["outcomes"] == ["lvedv_ml"]


def test_a_study_takes_them_where_asked(
    measures: pd.DataFrame, participants: pd.DataFrame, tmp_path: Path
) -> None:
    summary = study(measures, participants, tmp_path, "include")
    assert pd.read_csv(tmp_path / "comparison.csv")["outcome"].tolist() == ["lvedv_ml", "la_max_ml"]
    assert not any("left out" in words for words in summary["warnings"])


def test_a_study_of_nothing_else_is_not_done(
    measures: pd.DataFrame, participants: pd.DataFrame, tmp_path: Path
) -> None:
    summary = study(measures, participants, tmp_path, "exclude", outcomes=["la_max_ml"])
    assert summary["status"] == "not done"
    assert "unvalidated: include" in summary["verdict"]
    theirs = study(measures, participants, tmp_path, "exclude", outcomes=["la_max_ml"], source="manual")
    assert theirs["status"] == "done"


def test_an_outcome_without_any_value_stops_no_study(
    measures: pd.DataFrame, participants: pd.DataFrame, tmp_path: Path
) -> None:
    nothing = measures.assign(la_max_ml=np.nan)
    assert study(nothing, participants, tmp_path, "exclude")["status"] == "done"
    notes = pd.read_csv(tmp_path / "sensitivity.csv").query("outcome == 'la_max_ml'")["note"].dropna()
    assert any("No subject has a value" in note for note in notes)


def test_an_outcome_stays_for_the_subjects_whose_network_was_validated(measures: pd.DataFrame) -> None:
    some = measures["subject"] < "S10"
    mixed = measures.assign(unvalidated=measures["unvalidated"].where(some))
    kept, options, left_out = validated_outcomes(mixed, StudyOptions(**STUDY))
    assert options.outcomes == ("lvedv_ml", "la_max_ml")
    assert left_out["n"].tolist() == [10]
    assert kept["la_max_ml"].isna().sum() == 10


@pytest.mark.parametrize("unvalidated", ["exclude", "include"])
def test_agreement(
    measures: pd.DataFrame, participants: pd.DataFrame, tmp_path: Path, unvalidated: str
) -> None:
    paths = [tmp_path / f"{name}.tsv" for name in ("measures", "overlap", "participants")]
    for path, table in zip(paths, (measures, pd.DataFrame(), participants), strict=True):
        path.write_text(table.to_csv(sep="\t", index=False) if len(table) else "")
    out = tmp_path / "agreement"
    agreement_files.run(*paths, out, AgreementOptions(), unvalidated=unvalidated)
    compared = set(pd.read_csv(out / "all_differences.csv")["measure"])
    left_out = pd.read_csv(out / "left_out.csv")
    assert {"lvedv_ml", "ra_max_ml"} <= compared
    assert ("la_max_ml" in compared) == (unvalidated == "include")
    assert set(left_out["what"]) == (set() if unvalidated == "include" else {"la_max_ml", "la_max_ml_i"})
