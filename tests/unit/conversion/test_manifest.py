"""Manifests of UK Biobank archives: the unquoted date, the misspelt name, broken ones."""

import pytest

from cinecohort.conversion.manifest import BrokenManifest, compare_manifest, is_manifest, listed_files

HEADER = "filename,patientid,studyid,study discription,date,modality,seriesid,series discription,aet,host"
LINE = "{},P,S,Heart,Jun 05, 2014,MR,1.2.3,CINE_segmented_SAX_b1,AET,HOST"


def manifest(*names: str, line: str = LINE, header: str = HEADER) -> bytes:
    return "\n".join([header, *(line.format(name) for name in names), ""]).encode()


def test_unquoted_comma_in_the_date() -> None:
    assert listed_files(manifest("a.dcm", "b.dcm")) == ["a.dcm", "b.dcm"]


def test_quoted_date() -> None:
    assert listed_files(manifest("a.dcm", line=LINE.replace("Jun 05, 2014", '"Jun 05, 2014"'))) == ["a.dcm"]


def test_file_name_behind_the_date() -> None:
    header = "patientid,date,filename,host"
    assert listed_files(manifest("a.dcm", header=header, line="P,Jun 05, 2014,{},H")) == ["a.dcm"]


@pytest.mark.parametrize(
    "content", [b"", b"something else", manifest("a.dcm", line="{},too,short"), b"\xff\xfe\x00\x00"]
)
def test_broken(content: bytes) -> None:
    with pytest.raises(BrokenManifest):
        listed_files(content)
    (finding,) = compare_manifest(content, ["a.dcm"])
    assert (finding.code, finding.level) == ("MANIFEST", "review")


def test_comparison() -> None:
    assert compare_manifest(manifest("a.dcm", "b.dcm"), ["a.dcm", "b.dcm"]) == []
    (finding,) = compare_manifest(manifest("a.dcm", "b.dcm"), ["b.dcm", "c.dcm", "d.dcm"])
    assert finding.value == 3.0
    assert "1 of them are not in the archive, and 2 in the archive are not listed" in finding.message


@pytest.mark.parametrize(
    ("name", "expected"),
    [("manifest.csv", True), ("manifest.cvs", True), ("x/Manifest.csv", True), ("manifest.dcm", False)],
)
def test_names(name: str, expected: bool) -> None:
    assert is_manifest(name) is expected
