import os
import time

import pytest

from cinecohort.cli import main
from cinecohort.cohort.index import COLUMNS
from cinecohort.cohort.verify import strike, verify
from cinecohort.findings import Outcome, Status
from cinecohort.ledger.columns import COHORT
from cinecohort.ledger.rows import write_rows
from cinecohort.store import read_record, record_path, write_record

STATE = ("subject", "status", "stage")


@pytest.fixture
def results(tmp_path):
    """Two shards of one subject each, converted and measured; b was excluded by the conversion."""
    for shard, subject in (("0000", "a"), ("0001", "b")):
        write_rows(tmp_path / "index" / f"{shard}.tsv", [{"subject": subject}], COLUMNS)
        folder = tmp_path / "subjects" / subject
        folder.mkdir(parents=True)
        (folder / "sa.nii.gz").write_bytes(b"image")
        status = Status.OK if subject == "a" else Status.EXCLUDED
        write_record(folder, "convert", 1, "print", Outcome(status, outputs=["sa.nii.gz"]))
        stage = "convert"
        if subject == "a":
            (folder / "curves.json").write_text("{}")
            made = Outcome(Status.OK, outputs=["curves.json"], rows=[{"lvedv_ml": 120.5}])
            write_record(folder, "measure", 1, "print", made)
            stage = "measure"
        for name, made_by in (("convert", "convert"), ("measure", stage)):
            write_rows(tmp_path / name / f"{shard}.tsv", [{"subject": subject, "stage": made_by}], STATE)
            write_rows(tmp_path / name / f"{shard}.findings.tsv", [], COHORT["findings"].columns)
    return tmp_path


def damages(results):
    return {(d.subject, d.shard, d.stage, d.file, d.what) for d in verify(results).damages}


def test_a_store_that_is_as_recorded(results, capsys):
    report = verify(results)
    assert (report.n_subjects, report.n_files) == (2, 3)
    assert report.damages == report.unindexed == report.abandoned == ()
    assert main(["verify", str(results)]) == 0
    assert "3 files of 2 subjects checked: all are as recorded." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "what"),
    [(b"imag", "truncated"), (b"image and more", "edited"), (b"1mage", "edited"), (None, "deleted")],
)
def test_what_is_wrong_with_a_file(results, content, what):
    image = results / "subjects" / "a" / "sa.nii.gz"
    if content is None:
        image.unlink()
    else:
        image.write_bytes(content)
    assert damages(results) == {("a", "0000", "convert", "sa.nii.gz", what)}


@pytest.mark.parametrize(("content", "what"), [(None, "deleted"), ("{", "unreadable"), ("", "unreadable")])
def test_what_is_wrong_with_a_record(results, content, what):
    record = record_path(results / "subjects" / "a", "measure")
    if content is None:
        record.unlink()
    else:
        record.write_text(content)
    assert damages(results) == {("a", "0000", "measure", "measure.json", what)}


def test_a_number_that_was_edited_in_a_record_is_found(results):
    record = record_path(results / "subjects" / "a", "measure")
    record.write_text(record.read_text().replace('"lvedv_ml": 120.5', '"lvedv_ml": 140.5'))
    assert read_record(record.parent, "measure") is None
    assert damages(results) == {("a", "0000", "measure", "measure.json", "edited")}


def test_temporary_files_of_killed_jobs_are_reported_and_removed_once_nobody_writes_them(results, capsys):
    fresh, old = (results / "subjects" / "a" / f".sa.nii.gz.{name}.tmp" for name in ("fresh", "old"))
    for path in (fresh, old):
        path.write_text("half an image")
    hours_ago = time.time() - 7200
    os.utime(old, (hours_ago, hours_ago))
    assert main(["verify", str(results), "--keep-records"]) == 0
    assert "a  -  .sa.nii.gz.old.tmp  left by a job that was killed" in capsys.readouterr().out
    assert old.exists()
    assert main(["verify", str(results)]) == 0
    assert (fresh.exists(), old.exists()) == (True, False)


def test_an_excluded_subject_needs_no_later_record(results):
    assert not damages(results)
    record_path(results / "subjects" / "b", "convert").unlink()
    assert damages(results) == {("b", "0001", "convert", "convert.json", "deleted")}


def test_striking_makes_the_next_run_redo_the_stage_of_that_shard_alone(results):
    (results / "subjects" / "a" / "sa.nii.gz").unlink()
    strike(results, verify(results).damages)
    assert read_record(results / "subjects" / "a", "convert") is None
    assert read_record(results / "subjects" / "a", "measure") is not None
    kept = sorted(path.relative_to(results).as_posix() for path in results.glob("*/0*.tsv"))
    assert "convert/0000.tsv" not in kept
    assert "convert/0000.findings.tsv" not in kept
    assert {"convert/0001.tsv", "measure/0000.tsv", "index/0000.tsv"} <= set(kept)


def test_reporting_only_leaves_the_records(results, capsys):
    (results / "subjects" / "a" / "sa.nii.gz").write_bytes(b"1mage")
    assert main(["verify", str(results), "--keep-records"]) == 1
    assert "a  convert  sa.nii.gz  edited" in capsys.readouterr().out
    assert record_path(results / "subjects" / "a", "convert").exists()
    assert main(["verify", str(results)]) == 1
    assert "Run the workflow again" in capsys.readouterr().out
    assert not record_path(results / "subjects" / "a", "convert").exists()


def test_beside_a_run_nothing_is_touched(results, capsys, monkeypatch):
    monkeypatch.setattr("cinecohort.cohort.run_lock.RunLock.take", lambda lock: "another run works on it.")
    (results / "subjects" / "a" / "sa.nii.gz").write_bytes(b"1mage")
    assert main(["verify", str(results)]) == 1
    assert "This was only a look, since another run works on it." in capsys.readouterr().out
    assert record_path(results / "subjects" / "a", "convert").exists()


def test_folders_of_subjects_who_are_gone_are_reported(results, capsys):
    (results / "subjects" / "gone").mkdir()
    assert verify(results).unindexed == ("gone",)
    assert main(["verify", str(results)]) == 0
    assert "gone  -  -  no longer in the index" in capsys.readouterr().out


def test_another_folder_is_no_results_folder(tmp_path, capsys):
    assert main(["verify", str(tmp_path)]) == 1
    assert "is no results folder" in capsys.readouterr().err
