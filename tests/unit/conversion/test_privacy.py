"""Nothing that identifies a person comes out of conversion: not in images, sidecars, records or on screen."""

import gzip
import json
from pathlib import Path

import pytest

from cinecohort.cli import main
from cinecohort.conversion.options import ConversionOptions
from cinecohort.conversion.privacy import hashed
from cinecohort.conversion.series import convert_series
from support import synthetic_dicom as synthetic


def uids_of(images: list) -> set[str]:
    keywords = ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID")
    return {str(dataset[keyword].value) for dataset in images for keyword in keywords}


def faulty_study() -> list:
    """Much that leads to findings, with secrets in the free text of names and of damaged values."""
    images = synthetic.stack(5, 10)
    images += synthetic.long_axis("la_4ch", "4CH Doe Jane", 10, 60)
    images += synthetic.long_axis("la_3ch", "4CH 19570312", 10, 61)
    images += synthetic.long_axis("la_2ch", "localizer Dr Grey", 10, 62)
    return images


def test_no_identity_in_any_output(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    images = faulty_study()
    folder = synthetic.write_files(tmp_path / "in" / "S1" / "Doe^Jane", images)
    (folder / "PID-778 19570312.dcm").write_bytes(b"Doe Jane")
    odd = synthetic.stack(1, 10)[0]
    (folder / "odd.dcm").write_bytes(synthetic.to_bytes(odd).replace(b"1.8\\1.7", b"Dr Grey"))
    assert main(["convert", str(tmp_path / "in"), str(tmp_path / "out")]) == 0
    outputs = sorted((tmp_path / "out").rglob("*.*"))
    assert {"sa.nii.gz", "sa.json", "la_4ch.json", "convert.json"} <= {path.name for path in outputs}
    text = "".join(capfd.readouterr())
    for path in outputs:
        content = path.read_bytes()
        content = gzip.decompress(content)[:352] if path.suffix == ".gz" else content
        text += str(path.relative_to(tmp_path)) + content.decode("latin-1")
    assert "AMBIGUOUS_VIEW" in text
    assert "UNREADABLE" in text
    for secret in (*synthetic.SECRETS, *uids_of(images)):
        assert secret.lower() not in text.lower(), secret


def test_the_raw_files_do_hold_the_secrets() -> None:
    content = synthetic.to_bytes(synthetic.stack(1, 10)[0]).decode("latin-1")
    assert all(secret in content for secret in synthetic.SECRETS)


def test_salt_changes_the_hashes_and_lets_the_site_be_reported() -> None:
    files = synthetic.to_files(synthetic.stack(5, 10))
    plain, salted, again = (
        convert_series(files, ConversionOptions(uid_salt=salt)).views["sa"].image.sidecar
        for salt in ("", "secret", "secret")
    )
    assert plain["source_uids"] != salted["source_uids"]
    assert salted == again
    assert plain["site_hash"] is None
    assert salted["site_hash"] == hashed("Saint Elsewhere\n", "secret")


def test_clock_and_date_leave_only_differences() -> None:
    files = synthetic.to_files(synthetic.stack(5, 10))
    sidecar = convert_series(files, ConversionOptions()).views["sa"].image.sidecar
    assert sidecar["acquired_after_s"] == [0.0, 60.0, 120.0, 180.0, 240.0]
    assert "2014" not in json.dumps(sidecar)
