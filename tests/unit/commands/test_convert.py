"""``cinecohort convert``: folders, records, exit codes."""

import json
from pathlib import Path

import pytest

from cinecohort.cli import main
from cinecohort.cohort.versions import VERSIONS
from support import synthetic_dicom as synthetic


def test_good_and_bad_subjects(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    synthetic.write_files(tmp_path / "in" / "good", synthetic.stack(5, 10))
    others = synthetic.stack(5, 10)[10:]
    for dataset in others:
        dataset.PatientID = "another"
    synthetic.write_files(tmp_path / "in" / "bad", others)
    (tmp_path / "in" / "bad" / "x.dcm").write_bytes(b"text")
    (tmp_path / "in" / "empty").mkdir()
    assert main(["convert", str(tmp_path / "in"), str(tmp_path / "out")]) == 0
    record = json.loads((tmp_path / "out" / "good" / "convert.json").read_text())
    assert (record["status"], record["version"]) == ("ok", VERSIONS["convert"])
    assert sorted(record["outputs"]) == ["sa.json", "sa.nii.gz"]
    bad = json.loads((tmp_path / "out" / "bad" / "convert.json").read_text())
    assert {finding["code"] for finding in bad["findings"]} == {"UNREADABLE", "SLICE_NAMES"}
    assert [path.name for path in (tmp_path / "out" / "empty").iterdir()] == ["convert.json"]
    text = capsys.readouterr().out
    assert "good: ok; sa" in text
    reason = "NO_VIEW: No short-axis stack was found. There is no DICOM image at all."
    assert f"empty: excluded; no view; {reason}" in text
    assert text.endswith("3 subjects: 1 excluded, 1 ok, 1 review.\n")


def test_nothing_usable(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in" / "empty").mkdir(parents=True)
    assert main(["convert", str(tmp_path / "in"), str(tmp_path / "out")]) == 1
    assert main(["convert", str(tmp_path / "absent"), str(tmp_path / "out")]) == 1
    assert "there is no such folder" in capsys.readouterr().err
    (tmp_path / "void").mkdir()
    assert main(["convert", str(tmp_path / "void"), str(tmp_path / "out")]) == 1
    assert "void: holds no subject of layout auto" in capsys.readouterr().err
    assert main(["convert", str(tmp_path / "in"), str(tmp_path / "void" / ".." / "in")]) == 1
    assert "would be written over" in capsys.readouterr().err


def test_converting_again_gives_the_same_bytes(tmp_path: Path) -> None:
    synthetic.write_files(tmp_path / "in" / "S1", synthetic.stack(5, 10))
    contents = []
    for _ in range(2):
        assert main(["convert", str(tmp_path / "in"), str(tmp_path / "out")]) == 0
        contents.append({path.name: path.read_bytes() for path in (tmp_path / "out" / "S1").iterdir()})
    assert contents[0] == contents[1]
