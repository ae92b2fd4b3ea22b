"""A flag is never lost: whatever stage finds something, the subject's status says so to the end."""

from pathlib import Path
from typing import Any, cast

import pandas as pd
import pytest

from cinecohort.analyses import patient_study
from cinecohort.catalogue.findings import Code
from cinecohort.cohort.gather import final_status
from cinecohort.cohort.index import IndexedSubject
from cinecohort.cohort.runner import Stage, run_shard
from cinecohort.cohort.stages import table_rows
from cinecohort.cohort.versions import STAGES
from cinecohort.errors import UserError
from cinecohort.findings import Finding, Level, Outcome, Status, overall_status
from cinecohort.ledger.rows import columns_of, read_rows, write_rows
from cinecohort.sources.base import RawSubject

SUBJECT = IndexedSubject("A", "d", "A", "A", "", "raw")
LEVELS = {
    (Level.INFO, None): "ok",
    (Level.INFO, "sa"): "ok",
    (Level.REVIEW, None): "review",
    (Level.REVIEW, "sa"): "review",
    (Level.REJECT, "sa"): "review",
    (Level.REJECT, None): "excluded",
    (Level.ERROR, None): "error",
}
"""Level and view of a finding to the status that it leads to."""


def outcome_with(finding: Finding | None) -> Outcome:
    """What a stage made whose row, wrongly, says that all is well, and that found something afterwards."""
    outcome = Outcome(rows=[{"source": "net", "status": "ok"}, {"source": "O1", "status": "ok"}])
    outcome.findings += [] if finding is None else [finding]
    return outcome


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(("level", "view"), list(LEVELS))
def test_what_a_stage_finds_reaches_the_cohort(
    tmp_path: Path, stage: str, level: Level, view: str | None
) -> None:
    tables = {}
    for name in STAGES:
        found = Finding(Code.S4, level, "Why.", view) if name == stage else None
        work = Stage(name, 1, {}, lambda *_: {}, lambda *_, found=found: outcome_with(found))
        rows = [
            row
            for subject, record in run_shard(work, [SUBJECT], tmp_path / "store", tmp_path / "logs")
            for row in table_rows(name, subject, record)
        ]
        write_rows(tmp_path / f"{name}.tsv", rows, columns_of(rows, ()))
        listed = read_rows(tmp_path / f"{name}.tsv")
        assert {row["status"] for row in listed} == {LEVELS[level, view] if name == stage else "ok"}
        tables[name] = pd.DataFrame(listed)
    state = final_status(tables).iloc[0]
    expected = LEVELS[level, view]
    decides = stage != "evaluate" or expected == "ok"
    assert state["status"] == (expected if decides else "review")
    assert state["code"] == ("" if expected == "ok" else "S4")


@pytest.mark.parametrize("least", list(Status))
@pytest.mark.parametrize("level", list(Level))
def test_findings_make_a_status_graver_and_never_better(least: Status, level: Level) -> None:
    outcome = Outcome(least)
    assert outcome.status is least
    finding = Finding(Code.S4, level, "Why.")
    outcome.findings.append(finding)
    gravity = list(Status).index
    assert gravity(outcome.status) == max(gravity(least), gravity(overall_status([finding])))


@pytest.mark.parametrize(
    "stage", ["convert", "image_quality", "segment", "segmentation_quality", "measure", "checks"]
)
@pytest.mark.parametrize("level", [Level.INFO, Level.REVIEW, Level.REJECT])
def test_one_patient_keeps_the_flags_of_every_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str, level: Level
) -> None:
    def found(name: str) -> list[Finding]:
        return [Finding(Code.S4, level, "Why.", "sa")] if name == stage else []

    def measured(*_: object) -> Outcome:
        return Outcome(findings=found("measure"), rows=[{"source": "net", "frames": "own"}])

    (tmp_path / "sa.nii.gz").touch()
    (tmp_path / "sa.json").write_text("{}")
    monkeypatch.setattr(patient_study, "convert", lambda *_: found("convert"))
    monkeypatch.setattr(patient_study, "check_images", lambda *_: Outcome(findings=found("image_quality")))
    monkeypatch.setattr(patient_study, "segment", lambda *_: found("segment"))
    quality = Outcome(findings=found("segmentation_quality"))
    monkeypatch.setattr(patient_study, "check_segmentations", lambda *_: quality)
    monkeypatch.setattr(patient_study, "measure_subject", measured)
    monkeypatch.setattr(patient_study, "check_rows", lambda *_: found("checks"))
    monkeypatch.setattr(patient_study, "make_patient_page", lambda *_: None)
    subject = RawSubject("A", "A", "", (), ())
    patient_study.study_patient(cast("Any", None), subject, tmp_path, patient_study.StudySettings({}), {})
    status = pd.read_csv(tmp_path / "measures.csv")["status"].tolist()
    assert status == ["ok" if level is Level.INFO else "review"]


def test_one_patient_who_cannot_be_measured_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "sa.nii.gz").touch()
    outcome = outcome_with(Finding(Code.NOT_MEASURABLE, Level.REJECT, "Nothing there."))
    with pytest.raises(UserError, match="NOT_MEASURABLE: Nothing there"):
        patient_study.checked(tmp_path, "measure", outcome, "A")
