"""UK Biobank archives: visits, repeats, manifests, InlineVF, contours; nothing is unpacked to disk."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from cinecohort.conversion.contours import PAINT_ORDER
from cinecohort.conversion.cvi42 import write_workspace
from cinecohort.conversion.options import ConversionOptions
from cinecohort.errors import UserError
from cinecohort.findings import Status
from cinecohort.images import read_image
from cinecohort.sources.base import open_source
from cinecohort.sources.detect import detect_layout
from support import synthetic_dicom as synthetic

OPTIONS = ConversionOptions()


def pack(path: Path, images: list, manifest: bytes | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in synthetic.to_files(images):
            archive.writestr(file.name, file.content or b"")
        if manifest is not None:
            archive.writestr("manifest.cvs", manifest)


def test_listing_and_single_look_up_agree(tmp_path: Path) -> None:
    names = [
        "bulk/SYN0002_20209_2_0.zip",
        "bulk/SYN0001_20209_3_0.zip",
        "bulk/SYN0001_20209_2_0.zip",
        "bulk/SYN0001_20208_2_0.zip",
        "bulk/SYN0001_20210_2_0.zip",
        "bulk/notes.zip",
    ]
    for name in [*names, "annotations/O1/SYN0001_cvi42.zip", "annotations/O2/SYN0001_cvi42.zip"]:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    source = open_source("ukbiobank", tmp_path / "bulk", tmp_path / "annotations")
    subjects = source.subjects()
    assert [subject.key for subject in subjects] == ["SYN0001_2", "SYN0001_3", "SYN0002_2"]
    assert (subjects[0].participant, subjects[0].visit) == ("SYN0001", "2")
    assert subjects[0].paths == (
        "SYN0001_20208_2_0.zip",
        "SYN0001_20209_2_0.zip",
        "../annotations/O1/SYN0001_cvi42.zip",
        "../annotations/O2/SYN0001_cvi42.zip",
    )
    assert len(subjects[0].files) == 4
    assert [source.subject(subject.key) for subject in subjects] == subjects
    one = open_source("ukbiobank", tmp_path / "bulk", tmp_path / "annotations", observers=["O2"])
    assert one.subject("SYN0001_2").paths[-1] == "../annotations/O2/SYN0001_cvi42.zip"
    with pytest.raises(UserError, match="SYN0009_2"):
        source.subject("SYN0009_2")


def test_whole_subject(tmp_path: Path) -> None:
    inline = synthetic.stack(5, 10)
    for dataset in inline:
        dataset.SeriesDescription = "CINE_segmented_SAX_InlineVF"
    sax = synthetic.stack(5, 10)
    header = "filename,patientid,date,host"
    lines = [f"{d.SOPInstanceUID}.dcm,Doe,Jun 05, 2014,H" for d in sax + inline]
    pack(tmp_path / "A1_20209_2_0.zip", sax + inline, "\n".join([header, *lines]).encode())
    pack(tmp_path / "A1_20208_2_0.zip", synthetic.long_axis("la_4ch", "CINE_segmented_LAX_4Ch", 10))
    source = open_source("ukbiobank", tmp_path)
    outcome = source.convert(source.subject("A1_2"), tmp_path / "out", OPTIONS)
    assert outcome.status is Status.OK
    assert [finding.code for finding in outcome.findings] == ["NOT_CINE"]
    assert outcome.outputs == ["sa.nii.gz", "sa.json", "la_4ch.nii.gz", "la_4ch.json"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(outcome.outputs)
    values = outcome.values
    assert (values["participant"], values["visit"], values["views"]) == ("A1", "2", "sa,la_4ch")
    assert (values["n_slices"], values["n_frames"], values["dz_mm"]) == (5, 10, 10.0)
    assert (values["vendor"], values["field_t"], values["observers"]) == ("Siemens", 1.5, "")
    image = read_image(tmp_path / "out" / "sa.nii.gz")
    np.testing.assert_array_equal(image.data[0, 0], synthetic.expected_tags(5, 10))


def test_manifest_that_lists_more(tmp_path: Path) -> None:
    pack(tmp_path / "A1_20209_2_0.zip", synthetic.stack(5, 10), b"filename,host\nabsent.dcm,H\n")
    source = open_source("ukbiobank", tmp_path)
    outcome = source.convert(source.subject("A1_2"), tmp_path / "out", OPTIONS)
    assert [finding.code for finding in outcome.findings] == ["MANIFEST"]
    assert outcome.status is Status.REVIEW


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and no more", b"no archive"])
def test_broken_archive_excludes_the_subject(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "A1_20209_2_0.zip").write_bytes(content)
    source = open_source("ukbiobank", tmp_path)
    outcome = source.convert(source.subject("A1_2"), tmp_path / "out", OPTIONS)
    assert outcome.status is Status.EXCLUDED
    assert {"UNREADABLE", "NO_VIEW"} == {finding.code for finding in outcome.findings}
    assert outcome.outputs == []


def circle(x: float, y: float, radius: float) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    return np.stack([x + radius * np.cos(angle), y + radius * np.sin(angle)], axis=1)


def workspace_of(images: list, frames: tuple[int, ...]) -> bytes:
    names = {structure: of[0] for structure, _, of in PAINT_ORDER["sa"]}
    contours = {
        str(dataset.SOPInstanceUID): {
            names["LV"]: circle(8, 10, 3),
            names["MYO"]: circle(8, 10, 5),
            names["RV"]: circle(15.5, 10, 2),
        }
        for dataset in images
        if dataset.InstanceNumber - 1 in frames
    }
    return write_workspace(contours)


def test_contours_become_labels_of_the_visit_they_were_drawn_on(tmp_path: Path) -> None:
    first, second = synthetic.stack(5, 10), synthetic.stack(5, 10)
    pack(tmp_path / "bulk" / "A1_20209_2_0.zip", first)
    pack(tmp_path / "bulk" / "A1_20209_3_0.zip", second)
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / "A1_cvi42.zip").write_bytes(workspace_of(first, (0, 4)))
    source = open_source("ukbiobank", tmp_path / "bulk", tmp_path / "annotations")
    outcome = source.convert(source.subject("A1_2"), tmp_path / "v2", OPTIONS)
    assert outcome.values["observers"] == "manual"
    label = read_image(tmp_path / "v2" / "label_manual_sa.nii.gz")
    assert sorted(label.sidecar["annotated"]) == ["0", "4"]
    assert label.data[8, 10, 2, 4] == 1
    assert label.data[8, 14, 2, 4] == 2
    assert label.data[15, 10, 2, 4] == 3
    assert not label.data[..., 1].any()
    other = source.convert(source.subject("A1_3"), tmp_path / "v3", OPTIONS)
    assert other.values["observers"] == ""
    assert other.status is Status.OK
    assert [finding.level for finding in other.findings] == ["info"]


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())


@pytest.mark.parametrize(
    ("names", "keys"),
    [
        (["10/A10_20209_2_0.zip", "11/A11_20209_2_0.zip"], ["A10_2", "A11_2"]),
        (["A1/A1_20209_2_0.zip", "A1/A1_20209_3_0.zip", "A2/x/A2_20208_2_0.zip"], ["A1_2", "A1_3", "A2_2"]),
        (["A1/20209_2_0.zip", "A2/20209/20209_2_0.zip", "A2/20209_3_0.zip"], ["A1_2", "A2_2", "A2_3"]),
        (["20209/A1_20209_2_0.zip", "20209_retest/A1_20209_3_0.zip"], ["A1_2", "A1_3"]),
        (["A1_20209_2_0.ZIP", "b/A1_20208_2_0.Zip"], ["A1_2"]),
        (["A1_20209_2_0 (1).zip", "A2_20209_2_0 - Copy.zip", "A3_20209_2_0.zip.1"], ["A1_2", "A2_2", "A3_2"]),
        (["A1_20209_2_7.zip"], ["A1_2"]),
        (["A1_20209_2_0.zip", "Copy of A1_20209_2_0.zip"], ["A1_2"]),
        (["A12345/20209/2/20209_2_0.zip", "A12345/i3/20209_3_0.zip"], ["A12345_2", "A12345_3"]),
        (["A1/visit_2/20209_2_0.zip", "A2/visit_2/20209_2_0.zip"], ["A1_2", "A2_2"]),
        (["A12345/left/20209_2_0.zip", "A12346/left/20209_2_0.zip"], ["A12345_2", "A12346_2"]),
    ],
)
def test_archives_are_found_wherever_they_lie(tmp_path: Path, names: list[str], keys: list[str]) -> None:
    touch(tmp_path, *names)
    assert detect_layout(tmp_path) == "ukbiobank"
    source = open_source("ukbiobank", tmp_path)
    subjects = source.subjects()
    assert [subject.key for subject in subjects] == keys
    assert sorted(name for subject in subjects for name in subject.paths) == sorted(names)
    assert [open_source("ukbiobank", tmp_path).subject(key) for key in keys] == subjects
    assert source.passed_over() == []


def test_what_looks_like_cines_and_is_not_taken_is_named(tmp_path: Path) -> None:
    odd = ["A2_20209_2_0.tar.gz", "A3_20209_2_0.zip.part", "20209/20209_2_0.zip", "more/rest.zip"]
    odd += ["imaging_visit/20209_2_0.zip", "repeat/20209_3_0.zip"]
    touch(tmp_path, "A1_20209_2_0.zip", *odd, "A4_20209_2_0/1.dcm")
    touch(tmp_path, "A1_20210_2_0.zip", "20207/A1_20207_2_0.zip", "ukb.bulk", "A1_cvi42.zip", "notes.csv")
    source = open_source("ukbiobank", tmp_path)
    assert [subject.key for subject in source.subjects()] == ["A1_2"]
    assert source.passed_over() == sorted([*odd, "A4_20209_2_0"])


def test_a_listing_follows_what_is_on_disk(tmp_path: Path) -> None:
    touch(tmp_path, "10/A1_20209_2_0.zip")
    source = open_source("ukbiobank", tmp_path)
    assert len(source.subjects()) == 1
    touch(tmp_path, "11/A2_20209_2_0.zip")
    assert source.subject("A2_2").paths == ("11/A2_20209_2_0.zip",)
    (tmp_path / "10/A1_20209_2_0.zip").unlink()
    with pytest.raises(UserError):
        source.subject("A1_2")


@pytest.mark.parametrize(
    "other", ["A1_20209_2_0 (1).zip", "20209_retest/A1_20209_2_0.zip", "x/A1_20209_2_0.ZIP"]
)
@pytest.mark.parametrize("same", [True, False])
def test_a_second_archive_of_one_name_is_never_mixed_in(tmp_path: Path, other: str, same: bool) -> None:
    images = synthetic.stack(5, 10)
    pack(tmp_path / "A1_20209_2_0.zip", images)
    pack(tmp_path / other, images if same else synthetic.stack(7, 10))
    source = open_source("ukbiobank", tmp_path)
    outcome = source.convert(source.subject("A1_2"), tmp_path / "out", OPTIONS)
    assert outcome.status is (Status.OK if same else Status.REVIEW)
    assert outcome.values["n_slices"] == 5
    (finding,) = outcome.findings
    assert finding.code == "DUPLICATE"
    assert other in finding.message


def test_a_whole_copy_is_read_where_the_archive_is_broken(tmp_path: Path) -> None:
    pack(tmp_path / "A1_20209_2_0 (1).zip", synthetic.stack(5, 10))
    (tmp_path / "A1_20209_2_0.zip").write_bytes(b"PK\x03\x04 and no more")
    source = open_source("ukbiobank", tmp_path)
    outcome = source.convert(source.subject("A1_2"), tmp_path / "out", OPTIONS)
    assert outcome.status is Status.REVIEW
    assert outcome.values["n_slices"] == 5


@pytest.mark.parametrize(
    "name",
    [
        "A1.xml",
        "A1.zip",
        "A1_cvi42 (1).zip",
        "A1-contours.CVI42WSX",
        "A1_2_cvi42.xml",
        "A1_20209_2_0_cvi42.zip",
        "A1/A1.xml",
        "A1/A1_cvi42.zip",
    ],
)
def test_workspaces_of_other_names_are_read(tmp_path: Path, name: str) -> None:
    images = synthetic.stack(5, 10)
    pack(tmp_path / "bulk" / "A1_20209_2_0.zip", images)
    touch(tmp_path / "annotations", name, "A10.xml", "B7_cvi42.zip", "README.txt")
    (tmp_path / "annotations" / name).write_bytes(workspace_of(images, (0, 4)))
    source = open_source("ukbiobank", tmp_path / "bulk", tmp_path / "annotations")
    outcome = source.convert(source.subject("A1_2"), tmp_path / "out", OPTIONS)
    assert outcome.values["observers"] == "manual"
    assert outcome.status is Status.OK
    assert source.passed_over() == ["../annotations/A10.xml", "../annotations/B7_cvi42.zip"]


def test_workspaces_of_two_visits_go_to_their_visits(tmp_path: Path) -> None:
    visits = {"2": synthetic.stack(5, 10), "3": synthetic.stack(5, 10)}
    (tmp_path / "annotations").mkdir()
    for visit, images in visits.items():
        pack(tmp_path / "bulk" / f"A1_20209_{visit}_0.zip", images)
        (tmp_path / "annotations" / f"A1_{visit}.cvi42wsx").write_bytes(workspace_of(images, (0, 4)))
    source = open_source("ukbiobank", tmp_path / "bulk", tmp_path / "annotations")
    for visit in visits:
        outcome = source.convert(source.subject(f"A1_{visit}"), tmp_path / visit, OPTIONS)
        assert outcome.values["observers"] == "manual"
        assert [finding.level for finding in outcome.findings] == ["info"]
