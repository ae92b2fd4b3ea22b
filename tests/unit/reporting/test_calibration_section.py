"""The report says what the calibration of quality control is of, how good it is, and whom it concerns."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cinecohort.calibration.options import SHIPPED
from cinecohort.reporting.document import Table
from cinecohort.reporting.options import ReportOptions
from cinecohort.reporting.results import read_results
from cinecohort.reporting.sections import calibration
from cinecohort.reporting.sections.context import Context

WEIGHTS = "unet_all_sa"


@pytest.fixture
def folder(fake_results: Callable[..., Path]) -> Path:
    """Ten subjects, of whom eight have a probability."""
    made = fake_results(n=10, n_excluded=0)
    file = made / "cohort" / "status.tsv"
    status = pd.read_csv(file, sep="\t")
    status["failure_probability"] = [0.01, 0.04, 0.05, 0.1, 0.19, 0.3, 0.5, 1.0, None, None]
    status["status"] = ["ok"] * 6 + ["review"] * 2 + ["ok"] * 2
    status.to_csv(file, sep="\t", index=False)
    return made


def shown(folder: Path, tmp_path: Path, chosen: str) -> tuple[str, dict[str, Table]]:
    config = {"quality": {"calibration": chosen}, "models": {"sa": [{"name": WEIGHTS, "weights": WEIGHTS}]}}
    (tmp_path / "figures").mkdir(exist_ok=True)
    sections = calibration.section(Context(read_results(folder, config), ReportOptions(), tmp_path))
    blocks = [block for section in sections for block in section.blocks]
    return str(blocks), {block.label: block for block in blocks if isinstance(block, Table)}


def changed(tmp_path: Path, **values: Any) -> str:
    """A copy of the shipped calibration with other values."""
    record = json.loads((SHIPPED / f"{WEIGHTS}.json").read_text()) | values
    path = tmp_path / "calibration.json"
    path.write_text(json.dumps(record))
    return str(path)


def test_without_a_calibration_there_is_no_section(folder: Path, tmp_path: Path) -> None:
    assert shown(folder, tmp_path, "none") == ("[]", {})


def test_the_shipped_one_says_what_it_is_of_and_that_checks_flag(folder: Path, tmp_path: Path) -> None:
    words, tables = shown(folder, tmp_path, "shipped")
    record = json.loads((SHIPPED / f"{WEIGHTS}.json").read_text())
    rows = sum(record["rows"].values())
    images = f"{rows} images, {rows - record['rows']['undamaged']} of these degraded"
    for part in ("observer manual", images, "8 analysed subjects of 10"):
        assert part in words
    assert "It has no cut" in words
    assert "Those without one: no segmentation of end-diastole and end-systole: 2." in words
    for note in record["notes"]:
        assert note in words
    rows = [list(row) for row in tables["tab-calibration-cohort"].rows]
    assert [row[1] for row in rows] == ["2 (25.0 %)", "3 (37.5 %)", "1 (12.5 %)", "2 (25.0 %)"]
    assert [row[2] for row in rows] == ["0 (0.0 %)", "0 (0.0 %)", "0 (0.0 %)", "2 (100.0 %)"]
    found = {row[0]: row[1] for row in tables["tab-calibration"].rows if not isinstance(row, str)}
    auc, flagged = record["assessment"]["auc"], record["assessment"]["flagged"]
    assert found["RV cavity"] == f"{auc['RV']['value']:.2f}"
    assert found["10 %"] == f"{100 * flagged[1]['sensitivity']['value']:.0f}"
    assert len(tables["tab-calibration-intervals"].rows) == 7
    assert (tmp_path / "figures" / "calibration.svg").is_file()


def test_why_subjects_have_no_probability_is_counted(folder: Path, tmp_path: Path) -> None:
    line = json.loads((SHIPPED / f"{WEIGHTS}.json").read_text())["made_by"]
    file = folder / "cohort" / "quality.tsv"
    quality = pd.read_csv(file, sep="\t")
    lines = [line] * 8 + [line.replace("openvino/bf16", "mnn/fp32"), f"{line} corrected"]
    checked = quality["stage"] == "segmentation_quality"
    quality.loc[checked, "made_by"] = lines
    quality.to_csv(file, sep="\t", index=False)
    words, _ = shown(folder, tmp_path, "shipped")
    assert "segmented in another way (engine and precision mnn/fp32, not openvino/bf16): 1" in words
    assert "segmented in another way (corrected by hand): 1" in words
    quality.loc[checked, "made_by"] = line
    quality.to_csv(file, sep="\t", index=False)
    assert "a number that it rests on is missing: 2." in shown(folder, tmp_path, "shipped")[0]


def test_that_none_is_shipped_is_said(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.WEIGHTS", "unet16_vendors_sa")
    assert "none comes with the first short-axis network" in shown(folder, tmp_path, "shipped")[0]


def test_who_was_flagged_by_a_cut_is_counted(folder: Path, tmp_path: Path) -> None:
    file = folder / "cohort" / "findings.tsv"
    findings = pd.read_csv(file, sep="\t")
    row = {"subject": "SYN0007", "stage": "calibration", "code": "PREDICTED_FAILURE", "level": "review"}
    pd.concat([findings, pd.DataFrame([row])]).to_csv(file, sep="\t", index=False)
    words, tables = shown(folder, tmp_path, changed(tmp_path, cut=0.5))
    assert "Subjects from 0.500 on are flagged by it: 1. The checks I2, I3" in words
    assert "At the cut (%)" in tables["tab-calibration"].rows


def test_a_file_that_is_gone_is_said(folder: Path, tmp_path: Path) -> None:
    words, tables = shown(folder, tmp_path, str(tmp_path / "gone.json"))
    assert "(gone.json), which is not where it was" in words
    assert list(tables) == ["tab-calibration-cohort"]
