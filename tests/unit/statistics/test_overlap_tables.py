"""Summaries of overlap by hand."""

import numpy as np
import pandas as pd
import pytest

from cinecohort.statistics.overlap_tables import cardiovascular_disease, mean_dice_of_images, summarise


def row(subject: str, dice: float | None, **other) -> dict:
    base = {
        "subject": subject,
        "dataset": "d",
        "view": "sa",
        "source": "net",
        "reference": "manual",
        "frame": 0,
        "role": "ed",
        "structure": "LV",
        "position": "all",
        "dice": dice,
        "mcd_mm": 1.0,
        "hd_mm": 3.0,
        "n_skipped": 0,
    }
    return base | other


def test_frames_are_averaged_in_the_subject_first() -> None:
    table = pd.DataFrame(
        [row("a", 0.9), row("a", 0.7, frame=9, role="es"), row("b", 0.6), row("b", 0.5, position="basal")]
    )
    (subject,) = summarise(table).to_dict("records")
    assert (subject["n"], subject["n_dice"]) == (2, 2)
    assert subject["dice_mean"] == pytest.approx((0.8 + 0.6) / 2)
    assert subject["dice_sd"] == pytest.approx(0.2 / np.sqrt(2))
    (image,) = summarise(table, unit="image").to_dict("records")
    assert image["n"] == 3
    assert image["dice_mean"] == pytest.approx((0.9 + 0.7 + 0.6) / 3)


def test_by_frame_and_position() -> None:
    table = pd.DataFrame([row("a", 0.9), row("a", 0.7, frame=9, role="es"), row("a", 0.5, position="basal")])
    frames = summarise(table, by=["role"]).set_index("role")["dice_mean"].to_dict()
    assert frames == {"ed": pytest.approx(0.9), "es": pytest.approx(0.7)}
    positions = summarise(table, by=["position"])
    assert positions[["position", "dice_mean"]].to_numpy().tolist() == [["basal", 0.5]]


def test_undefined_is_empty_and_counted() -> None:
    table = pd.DataFrame([row("a", 0.9), row("b", 0.0, mcd_mm=np.nan, hd_mm=np.nan, n_skipped=2)])
    (summary,) = summarise(table).to_dict("records")
    assert (summary["n"], summary["n_dice"], summary["n_mcd_mm"]) == (2, 2, 1)
    assert summary["mcd_mm_mean"] == 1
    assert np.isnan(summary["mcd_mm_sd"])
    assert summary["n_skipped"] == 2
    assert "mcd_mm undefined in 1" in summary["note"]


def test_a_low_dice_of_any_structure_excludes_the_subject_in_the_second_row() -> None:
    table = pd.DataFrame(
        [
            row(s, d, structure=name)
            for s, lv, rv in (("a", 0.9, 0.8), ("b", 0.9, 0.3))
            for name, d in (("LV", lv), ("RV", rv))
        ]
    )
    summary = summarise(table, dice_floor=0.5)
    assert list(summary["selection"]) == ["all", "dice >= 0.5"] * 2
    assert list(summary["n"]) == [2, 1, 2, 1]
    assert list(summary["n_excluded"]) == [0, 1, 0, 1]
    assert summary.loc[summary["structure"] == "RV", "dice_mean"].tolist() == pytest.approx([0.55, 0.8])


def test_exactly_the_floor_stays() -> None:
    summary = summarise(pd.DataFrame([row("a", 0.5), row("b", 0.9)]), dice_floor=0.5)
    assert list(summary["n_excluded"]) == [0, 0]


def test_by_a_column_of_the_participants_with_unknown_ones() -> None:
    table = pd.DataFrame([row("a", 0.9), row("b", 0.8), row("c", 0.7)])
    people = pd.DataFrame({"subject": ["a", "b"], "vendor": ["Siemens", "Philips"]})
    summary = summarise(table, people, by=["vendor"]).set_index("vendor")["n"].to_dict()
    assert summary == {"Siemens": 1, "Philips": 1, "unknown": 1}


@pytest.mark.parametrize(
    ("icd10", "attack", "expected"),
    [
        ("I21.4", None, "yes"),
        ("E11.9; I50", "0", "yes"),
        ("i255:2011-03-02", None, "yes"),
        ("I24.9;I20;I51", "0", "no"),
        ("E11", "1", "yes"),
        (None, "1", "yes"),
        (None, "0", "no"),
        (None, None, None),
        ("", None, None),
        (" ", "", None),
        ("", "0", "no"),
        ("I50", " ", "yes"),
    ],
)
def test_cardiovascular_disease(icd10: str | None, attack: str | None, expected: str | None) -> None:
    people = pd.DataFrame({"subject": ["a"], "icd10": [icd10], "self_reported_mi": [attack]}, dtype="string")
    disease = cardiovascular_disease(people).iloc[0]
    assert (None if pd.isna(disease) else disease) == expected


def test_a_table_without_rows_has_its_columns() -> None:
    empty = pd.DataFrame(columns=list(row("a", 1)))
    assert list(summarise(empty).columns[:4]) == ["source", "reference", "view", "structure"]
    assert mean_dice_of_images(empty).empty


def test_dice_of_an_image_is_the_mean_over_its_structures() -> None:
    table = pd.DataFrame([row("a", 0.9), row("a", 0.5, structure="RV"), row("a", None, structure="MYO")])
    (image,) = mean_dice_of_images(table).to_dict("records")
    assert image["dice"] == pytest.approx(0.7)
    assert (image["structure"], image["structure_dice"]) == ("RV", 0.5)
