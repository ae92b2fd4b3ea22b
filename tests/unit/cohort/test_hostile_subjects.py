"""A shard of three whose middle subject holds a fault: the other two are done, however the fault shows."""

import json
import resource
from pathlib import Path

import numpy as np
import pytest

from cinecohort.cohort.convert_folder import convert_all
from cinecohort.cohort.refresh import refresh_index
from cinecohort.cohort.settings import settings_for
from cinecohort.cohort.stages import run_stage
from cinecohort.config import parse_config
from cinecohort.conversion import decoding
from cinecohort.conversion.limits import Limits
from cinecohort.conversion.options import ConversionOptions
from cinecohort.findings import Status
from cinecohort.images import read_image
from cinecohort.store import read_record
from support import hostile
from support import synthetic_dicom as synthetic

LARGEST_MB = 750
"""Memory that a conversion may take beyond what this process, of which it is a fork, or a child of an earlier
test had."""
READERS = [("dicom", name) for name in hostile.DICOM] + [("nifti", name) for name in hostile.NIFTI]
HARMLESS = ("zip bomb", "nameless zip member")
"""What is odd there is no image, and lies beside images that are whole."""


@pytest.fixture(scope="module")
def cohorts(tmp_path_factory):
    """Write each cohort once."""
    made: dict[tuple[str, str], Path] = {}

    def cohort(source: str, fault: str) -> Path:
        if (source, fault) not in made:
            raw = tmp_path_factory.mktemp("raw")
            good = hostile.write_good if source == "dicom" else hostile.write_nifti
            good(raw / "a")
            {"dicom": hostile.DICOM, "nifti": hostile.NIFTI}[source][fault](raw / "b")
            good(raw / "c")
            made[source, fault] = raw
        return made[source, fault]

    return cohort


def peak_mb(whose: int) -> float:
    return resource.getrusage(whose).ru_maxrss / 1024


@pytest.fixture
def beforehand() -> float:
    return max(peak_mb(resource.RUSAGE_SELF), peak_mb(resource.RUSAGE_CHILDREN))


def statuses(store: Path) -> list[Status | None]:
    records = [read_record(store / key, "convert") for key in "abc"]
    return [None if record is None else record.status for record in records]


def check(store: Path, fault: str, beforehand: float) -> None:
    first, middle, last = statuses(store)
    assert (first, last) == (Status.OK, Status.OK)
    if fault in HARMLESS:
        assert middle is Status.OK
    else:
        record = json.loads((store / "b" / "convert.json").read_text())
        assert middle in (Status.REVIEW, Status.EXCLUDED), record
        assert "UNREADABLE" in {finding["code"] for finding in record["findings"]}, record
    assert peak_mb(resource.RUSAGE_CHILDREN) < beforehand + LARGEST_MB


@pytest.mark.parametrize(("source", "fault"), READERS)
def test_convert(cohorts, tmp_path, source, fault, beforehand):
    convert_all(cohorts(source, fault), tmp_path, source, None)
    check(tmp_path, fault, beforehand)


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("source", "fault"), READERS)
def test_workflow(cohorts, tmp_path, source, fault, threads, beforehand):
    raw = cohorts(source, fault)
    results = tmp_path / "results"
    config = parse_config({"datasets": {"d": {"source": source, "path": str(raw)}}, "results": str(results)})
    refresh_index(config)
    (index,) = (results / "index").glob("0*.tsv")
    table = results / "convert" / index.name
    run_stage("convert", settings_for("convert", config), table, tmp_path / "f.tsv", threads)
    check(results / "subjects", fault, beforehand)


@pytest.fixture(scope="module")
def annotated(tmp_path_factory):
    """Write three subjects with annotations, of which those of the middle one hold a fault."""
    made: dict[str, Path] = {}

    def cohort(fault: str) -> Path:
        if fault not in made:
            folder = tmp_path_factory.mktemp("annotated")
            annotations = folder / "annotations"
            annotations.mkdir()
            for key in "abc":
                images = hostile.images_of(folder / "raw" / key)
                synthetic.write_files(folder / "raw" / key, images)
                if key == "b":
                    hostile.ANNOTATIONS[fault](annotations, key, images)
                else:
                    (annotations / f"{key}.cvi42wsx").write_bytes(hostile.contours_of(images))
            made[fault] = folder
        return made[fault]

    return cohort


def check_annotated(store: Path, beforehand: float) -> None:
    assert statuses(store)[0] is not None
    assert statuses(store)[0] is statuses(store)[2]
    for key in "ac":
        assert read_image(store / key / "label_manual_sa.nii.gz").data.any()
    assert not (store / "b" / "label_manual_sa.nii.gz").exists()
    record = json.loads((store / "b" / "convert.json").read_text())
    assert record["status"] == "review"
    assert "LABEL_INCOMPLETE" in {finding["code"] for finding in record["findings"]}
    assert read_image(store / "b" / "sa.nii.gz").data.any()
    assert peak_mb(resource.RUSAGE_CHILDREN) < beforehand + LARGEST_MB


@pytest.mark.parametrize("fault", hostile.ANNOTATIONS)
def test_convert_with_hostile_annotations(annotated, tmp_path, fault, beforehand):
    folder = annotated(fault)
    convert_all(folder / "raw", tmp_path, "dicom", folder / "annotations")
    check_annotated(tmp_path, beforehand)


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("fault", hostile.ANNOTATIONS)
def test_workflow_with_hostile_annotations(annotated, tmp_path, fault, threads, beforehand):
    folder, results = annotated(fault), tmp_path / "results"
    dataset = {"source": "dicom", "path": str(folder / "raw"), "annotations": str(folder / "annotations")}
    config = parse_config({"datasets": {"d": dataset}, "results": str(results)})
    refresh_index(config)
    (index,) = (results / "index").glob("0*.tsv")
    table = results / "convert" / index.name
    run_stage("convert", settings_for("convert", config), table, tmp_path / "f.tsv", threads)
    check_annotated(results / "subjects", beforehand)


def test_a_decoder_that_ends_its_process_costs_its_subject_alone(cohorts, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(decoding, "_check_streams", lambda *_: None)
    convert_all(cohorts("dicom", "a row too many"), tmp_path, "dicom", None)
    assert statuses(tmp_path) == [Status.OK, Status.ERROR, Status.OK]
    assert "CRASHED" in (tmp_path / "b" / "convert.json").read_text()


def test_a_decoder_without_end_costs_its_subject_alone(cohorts, tmp_path, monkeypatch):
    def for_ever(dataset, raw):
        while True:
            pass

    monkeypatch.setattr("pydicom.pixels.pixel_array", for_ever)
    options = ConversionOptions(limits=Limits(decode_s=1))
    raw = tmp_path / "raw"
    for key, write in (("a", hostile.write_good), ("b", compressed), ("c", hostile.write_good)):
        write(raw / key)
    convert_all(raw, tmp_path / "made", "dicom", None, options)
    assert statuses(tmp_path / "made") == [Status.OK, Status.ERROR, Status.OK]


def compressed(folder: Path) -> None:
    hostile.compressed(hostile.images_of(folder), folder, "JPEGLSLossless")


@pytest.mark.parametrize(
    "syntax", ["JPEGLSLossless", "JPEG2000Lossless", "JPEGLosslessProcess14_1", "RLELossless"]
)
def test_compressed_images_of_the_stated_size_are_decoded(tmp_path, syntax):
    hostile.compressed(hostile.images_of(tmp_path / "raw" / "a"), tmp_path / "raw" / "a", syntax)
    hostile.write_good(tmp_path / "raw" / "b")
    convert_all(tmp_path / "raw", tmp_path / "made", "dicom", None)
    decoded, plain = (read_image(tmp_path / "made" / key / "sa.nii.gz").data for key in "ab")
    np.testing.assert_array_equal(decoded, plain)
