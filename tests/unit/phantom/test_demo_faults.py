"""The comparison of planted and found faults tells what is missing and what is false."""

import runpy
from pathlib import Path

import pandas as pd
import pytest

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "demo_faults.py"

TRUTH = pd.DataFrame(
    [
        ("a", "missing_slice", "convert", "GAP"),
        ("b", "low_contrast", "segmentation_quality", "I2"),
        ("c", "off_centre", "", ""),
        ("d", "", "", ""),
    ],
    columns=["subject", "fault", "expected_stage", "expected_code"],
)


def compare(*findings: tuple[str, str, str, str]) -> tuple[pd.DataFrame, list[str]]:
    table = pd.DataFrame(findings, columns=["subject", "stage", "code", "level"])
    return runpy.run_path(str(SCRIPT))["compare"](TRUTH, table)


FOUND = (("a", "convert", "GAP", "reject"), ("b", "segmentation_quality", "I2", "review"))


def test_all_found():
    table, wrong = compare(*FOUND, ("d", "segmentation_quality", "I2", "review"))
    assert wrong == []
    assert table["found"].tolist() == ["yes", "yes", ""]
    assert table["sound subjects with the code"].tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("findings", "subject"),
    [
        (FOUND[1:], "a"),
        ((("a", "convert", "GAP", "info"), FOUND[1]), "a"),
        ((("a", "image_quality", "GAP", "review"), FOUND[1]), "a"),
        ((*FOUND, ("d", "convert", "GAP", "review")), "d"),
    ],
)
def test_what_is_wrong_is_said(findings, subject):
    _, wrong = compare(*findings)
    assert len(wrong) == 1 and wrong[0].startswith(subject)
