"""The cohort on disk: ids, determinism, what conversion reads back, planted faults."""

import re

import numpy as np
import pandas as pd
import pydicom
import pytest

from cinecohort.conversion.manifest import listed_files
from cinecohort.phantom.cohort import write_cohort
from cinecohort.phantom.options import PhantomOptions
from cinecohort.phantom.people import OBESITY_EFFECT, draw_person, subject_name
from cinecohort.phantom.subject import write_subject
from cinecohort.sources.base import open_source

FRAMES = 10


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cohort")
    write_cohort(folder, PhantomOptions(subjects=2, frames=FRAMES, faults=False))
    return folder


def converted(folder, key, tmp_path):
    from cinecohort.conversion.options import ConversionOptions

    source = open_source("ukbiobank", folder / "bulk", folder / "annotations")
    target = tmp_path / key
    target.mkdir()
    return source.convert(source.subject(key), target, ConversionOptions()), target


def test_ids_cannot_be_mistaken_for_real_ones():
    for number in (1, 24, 9999, 999_999):
        assert re.fullmatch(r"SYN\d{4,6}", subject_name(number))


def test_a_subject_does_not_depend_on_the_others(cohort, tmp_path):
    write_subject(2, tmp_path, PhantomOptions(subjects=50, frames=FRAMES, faults=False))
    for path in sorted(path for path in tmp_path.rglob("*") if path.is_file()):
        assert path.read_bytes() == (cohort / path.relative_to(tmp_path)).read_bytes(), path.name


def test_another_seed_is_another_person():
    assert draw_person(1, seed=1) != draw_person(1, seed=2)


def test_archives_read_back(cohort, tmp_path):
    outcome, folder = converted(cohort, "SYN0001_2", tmp_path)
    from cinecohort.images import read_image

    assert outcome.values["views"] == "sa,la_2ch,la_3ch,la_4ch"  # noqa: PD011
    assert [finding.code for finding in outcome.findings if finding.level != "info"] == []
    image = read_image(folder / "sa.nii.gz")
    truth = pd.read_csv(cohort / "truth.tsv", sep="\t").set_index("subject").loc["SYN0001_2"]
    assert image.data.shape == (208, 162, truth.n_slices, FRAMES)
    assert np.linalg.norm(image.affine[:3, :3], axis=0) == pytest.approx([1.8, 1.8, 10.0], abs=1e-4)
    assert image.sidecar["heart_rate_bpm"] == pytest.approx(truth.heart_rate_bpm, abs=0.5)
    label = read_image(folder / "label_manual_sa.nii.gz")
    assert (label.sidecar["ed_frame"], label.sidecar["es_frame"]) == (truth.ed_frame, truth.es_frame)
    volume = (label.data[..., truth.ed_frame] == 1).sum() * 1.8 * 1.8 * 10.0 / 1000.0
    assert volume == pytest.approx(truth.lvedv_ml, rel=0.12)


def test_long_axis_views_lie_where_geometry_expects_them(cohort, tmp_path):
    _, folder = converted(cohort, "SYN0002_2", tmp_path)
    from cinecohort.files import read_json

    for view in ("la_2ch", "la_3ch", "la_4ch"):
        assert read_json(folder / f"{view}.json")["view_confidence"] == 0.95


def test_blood_is_brighter_than_muscle_and_muscle_than_lung(cohort, tmp_path):
    from scipy import ndimage

    from cinecohort.images import read_image

    _, folder = converted(cohort, "SYN0001_2", tmp_path)
    image = read_image(folder / "sa.nii.gz").data[..., 0]
    label = read_image(folder / "label_manual_sa.nii.gz").data[..., 0]
    inside = {n: ndimage.binary_erosion(label == n, np.ones((3, 3, 1))) for n in (1, 2, 3)}
    lv, muscle, rv = (float(np.median(image[inside[n]])) for n in (1, 2, 3))
    assert 2.2 < lv / muscle < 4.5
    assert 0.75 < rv / lv < 1.35


def test_manifest_has_the_quirks_of_the_real_one(cohort):
    import zipfile

    with zipfile.ZipFile(cohort / "bulk" / "SYN0001_20209_2_0.zip") as archive:
        assert archive.testzip() is None
        manifest = archive.read("manifest.csv")
        names = [name for name in archive.namelist() if name.endswith(".dcm")]
        image = pydicom.dcmread(archive.open(names[3]))
    header, first = manifest.decode().splitlines()[:2]
    assert "study discription" in header
    assert first.count(",") == header.count(",") + 1
    assert sorted(listed_files(manifest)) == sorted(names)
    assert image.file_meta.MediaStorageSOPInstanceUID == image.SOPInstanceUID == names[3][:-4]
    assert image.pixel_array.shape == (162, 208)


def test_hospital_layout_reads_back(tmp_path):
    options = PhantomOptions(subjects=5, frames=FRAMES, layout="dicom", faults=False)
    write_subject(5, tmp_path, options)
    from cinecohort.conversion.options import ConversionOptions

    source = open_source("dicom", tmp_path / "dicom", None)
    outcome = source.convert(source.subject("SYN0005"), tmp_path, ConversionOptions())
    assert outcome.values["vendor"].lower().startswith("philips")  # noqa: PD011
    assert outcome.values["views"] == "sa,la_2ch,la_3ch,la_4ch"  # noqa: PD011


def test_tables_of_thousands_hold_the_planted_effect(tmp_path):
    """Least squares on the covariates, apart from the code of the study."""
    write_cohort(tmp_path, PhantomOptions(subjects=2500, seed=3, tables_only=True))
    people = pd.read_csv(tmp_path / "participants.tsv", sep="\t")
    table = people.merge(pd.read_csv(tmp_path / "measures.tsv", sep="\t"), on="subject")
    table = table[table["icd10"].isna() | ~table["icd10"].str.contains("I[24]|I50|I35", na=False)]
    table = table[table["group"] != "overweight"]
    obese = (table["group"] == "obese").to_numpy(float)
    columns = [table[name] for name in ("age_years", "height_cm", "sbp_mmhg", "dbp_mmhg")]
    design = np.column_stack([np.ones(len(table)), obese, table["sex"] == "M", *columns]).astype(float)
    for measure, effect in OBESITY_EFFECT.items():
        values = table[measure].to_numpy()
        found, residual, *_ = np.linalg.lstsq(design, values)
        variance = residual[0] / (len(values) - design.shape[1])
        error = np.sqrt(variance * np.linalg.inv(design.T @ design)[1, 1])
        assert abs(found[1] - effect) < 3.5 * error, measure
        assert error < 0.25 * effect
