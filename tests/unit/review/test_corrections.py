"""Corrected label maps stand in place of the network's, and nobody else's files change."""

import numpy as np
import pandas as pd
import pytest

from cinecohort.cohort.index import IndexedSubject
from cinecohort.cohort.runner import run_shard
from cinecohort.cohort.settings import settings_for
from cinecohort.cohort.stage_builders import BUILDERS
from cinecohort.cohort.stage_settings import SETTINGS
from cinecohort.config import parse_config
from cinecohort.errors import UserError
from cinecohort.findings import Level
from cinecohort.images import Image, read_image, write_image
from cinecohort.label_maps import read_segmentation
from cinecohort.review.corrections import check_names, corrections_in
from cinecohort.review.digests import seen_digests
from cinecohort.statistics.unvalidated import without_corrected
from cinecohort.store import corrected_path
from support.review_cohort import write_heart

SUBJECTS = [IndexedSubject(key, "tiny", key, key, "", "") for key in ("A", "B")]
KEYS = ["A", "B"]


@pytest.fixture
def store(tmp_path):
    for subject in SUBJECTS:
        write_heart(tmp_path / "subjects" / subject.subject, slices=7)
    (tmp_path / "corrections").mkdir()
    return tmp_path / "subjects"


def run(store, stage="segmentation_quality"):
    """Records of a stage, and the subjects that were worked on."""
    config = parse_config(
        {
            "datasets": {"tiny": {"source": "acdc", "path": "raw"}},
            "models": {"sa": [{"name": "net", "weights": "unet_slim_sa"}]},
        }
    )
    listed = corrections_in(store.parent / "corrections", KEYS)
    settings = SETTINGS[stage].read(settings_for(stage, config, corrections=listed))
    paths = {key: store / key / f"{stage}.json" for key in KEYS}
    times = {key: path.stat().st_mtime_ns if path.is_file() else 0 for key, path in paths.items()}
    made = BUILDERS[stage](settings, store.parent, 1, 0)
    records = run_shard(made, SUBJECTS, store, store.parent / "logs")
    redone = {key for key, path in paths.items() if path.stat().st_mtime_ns != times[key]}
    return {subject.subject: record for subject, record in records}, redone


def correct(store, name="A/seg_sa.nii.gz", change=None, subject="A", **other):
    """Write a correction: the network's label map with the LV smaller, or changed as asked."""
    image = read_image(store / subject / "seg_sa.nii.gz")
    labels = image.data.copy()
    labels[50:, ...][labels[50:, ...] == 1] = 0
    values = {"data": labels, "affine": image.affine, "frame_interval_s": 0.1, **other}
    path = store.parent / "corrections" / name
    path.parent.mkdir(exist_ok=True)
    write_image(path, Image(**values) if change is None else change(Image(**values)))
    return labels


@pytest.mark.parametrize(
    "name", ["A/seg_sa.nii.gz", "A/sa.nii", "A_sa.nii.gz", "A_seg_sa.nii.gz", "A/corrected_sa.nii.gz"]
)
def test_a_correction_is_found_by_its_name(store, name):
    correct(store, name)
    (found,) = corrections_in(store.parent / "corrections", KEYS)
    assert (found.subject, found.view, found.frame) == ("A", "sa", None)
    check_names(store.parent / "corrections", KEYS)


@pytest.mark.parametrize("name", ["C_sa.nii.gz", "C/seg_sa.nii.gz", "A_sax.nii.gz", "A/seg_sa_ed.nii.gz"])
def test_a_file_of_nobody_stops_the_run(store, name):
    correct(store, name)
    with pytest.raises(UserError, match=f"{name} belong"):
        check_names(store.parent / "corrections", KEYS)


def test_a_corrected_subject_is_measured_on_it_and_nobody_else_is_redone(store):
    run(store)
    before, _ = run(store, "measure")
    compared, _ = run(store, "evaluate")
    seen = seen_digests(store / "A")
    network = (store / "A" / "seg_sa.nii.gz").read_bytes()
    labels = correct(store)
    records, redone = run(store)
    assert redone == {"A"}
    (found,) = [finding for finding in records["A"].findings if finding.code == "CORRECTED"]
    assert (found.view, found.level) == ("sa", Level.INFO)
    assert records["A"].to_dict()["values"]["corrected"] == "sa"
    assert np.array_equal(read_segmentation(store / "A", "sa").image.data, labels)
    assert (store / "A" / "seg_sa.nii.gz").read_bytes() == network, "the network's own stays"
    assert seen_digests(store / "A")["sa"] != seen["sa"], "verdicts on the network's are stale"
    measured, redone = run(store, "measure")
    assert redone == {"A"}
    assert measured["A"].rows[0]["corrected"] == "sa"
    assert measured["A"].rows[0]["lvedv_ml"] < 0.8 * before["A"].rows[0]["lvedv_ml"]
    assert "corrected" not in measured["B"].rows[0]
    assert run(store, "evaluate")[1] == {"A"}
    assert run(store)[1] == run(store, "measure")[1] == set()

    (store.parent / "corrections" / "A" / "seg_sa.nii.gz").unlink()
    back, redone = run(store)
    assert redone == {"A"} and "corrected" not in back["A"].to_dict()["values"]
    assert not corrected_path(store / "A", "sa").exists()
    assert run(store, "measure")[0] == before and run(store, "evaluate")[0] == compared
    assert seen_digests(store / "A") == seen


def test_single_frames_are_corrected_and_the_others_stay_the_networks(store):
    network = read_image(store / "A" / "seg_sa.nii.gz").data
    labels = correct(store, "A_sa_frame03.nii.gz", lambda image: Image(image.data[..., 3], image.affine))
    correct(store, "A/seg_sa_frame0.nii.gz", lambda image: Image(image.data[..., 0], image.affine))
    record = run(store)[0]["A"]
    (found,) = [finding for finding in record.findings if finding.code == "CORRECTED"]
    assert found.frames == (0, 3)
    made = read_segmentation(store / "A", "sa").image.data
    for frame in range(6):
        expected = labels if frame in (0, 3) else network
        assert np.array_equal(made[..., frame], expected[..., frame])


def turned(image):
    """The same label map in another order of voxels, as some programs write it."""
    affine = image.affine.copy()
    affine[:3, 3] += affine[:3, 0] * (image.data.shape[0] - 1)
    affine[:3, 0] *= -1
    return Image(image.data[::-1], affine, image.frame_interval_s)


def test_another_order_of_voxels_is_turned(store):
    labels = correct(store, change=turned)
    run(store)
    assert np.array_equal(read_segmentation(store / "A", "sa").image.data, labels)


MOVED = np.diag([1.8, 1.8, 10.0, 1.0])
MOVED[0, 3] = 5.0


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("A_sa.nii.gz", lambda i: Image(i.data[:90], i.affine), "has 90 x 96 x 7 voxels and not 96 x 96 x 7"),
        ("A_sa.nii.gz", lambda i: Image(i.data, MOVED), "lies elsewhere in space than the image"),
        ("A_sa.nii.gz", lambda i: Image(i.data[..., 0], i.affine), "has 1 frame and not 6; a map of one"),
        ("A_sa.nii.gz", lambda i: Image(i.data + np.uint8(1), i.affine), "has label 4, but the labels"),
        ("A_sa.nii.gz", lambda i: Image(i.data * 0.5, i.affine), "values that are not whole numbers"),
        ("A_sa.nii.gz", lambda i: Image(i.data * np.uint8(0), i.affine), "holds no label"),
        ("A_sa_frame3.nii.gz", lambda i: i, "has 6 frames and not 1"),
        ("A_sa_frame9.nii.gz", lambda i: Image(i.data[..., 0], i.affine), "the image's go from 0 to 5"),
        ("A_la_2ch.nii.gz", lambda i: i, "names no network"),
    ],
)
def test_what_cannot_be_used_is_a_finding_and_the_networks_stands(store, name, change, words):
    network = read_image(store / "A" / "seg_sa.nii.gz").data
    correct(store, name, change)
    record = run(store)[0]["A"]
    (found,) = [finding for finding in record.findings if finding.code.startswith("CORRECTION")]
    assert words in found.message and name in found.message and str(store.parent) not in found.message
    assert (found.code, found.level, str(record.status)) == ("CORRECTION_UNUSABLE", Level.REVIEW, "review")
    assert np.array_equal(read_segmentation(store / "A", "sa").image.data, network)


def test_a_damaged_file_is_a_finding(store):
    (store.parent / "corrections" / "A_sa.nii.gz").write_bytes(b"no image")
    (found,) = [f for f in run(store)[0]["A"].findings if f.code == "CORRECTION_UNUSABLE"]
    assert "not a readable NIfTI file" in found.message and str(store.parent) not in found.message


def test_two_maps_of_one_view_are_not_chosen_from_in_silence(store):
    correct(store, "A_sa.nii.gz")
    correct(store, "A/sa.nii.gz")
    codes = [finding.code for finding in run(store)[0]["A"].findings]
    assert "CORRECTED" in codes and "CORRECTION_UNUSABLE" in codes


def test_what_a_killed_job_left_is_removed(store):
    run(store)
    corrected_path(store / "A", "sa").write_bytes(b"left")
    assert run(store)[1] == {"A"}
    assert not corrected_path(store / "A", "sa").exists()


def test_corrected_label_maps_take_no_part_in_agreement():
    measures = pd.DataFrame(
        {"subject": ["A", "B"], "source": "net", "lvedv_ml": [1.0, 2.0], "ra_max_ml": [3.0, 4.0]}
        | {"corrected": ["sa", ""]}
    )
    overlap = pd.DataFrame(
        {"subject": ["A", "B"], "source": "net", "view": "sa", "corrected": ["true", None]}
    )
    kept, compared, left_out = without_corrected(measures, overlap)
    assert kept["lvedv_ml"].isna().tolist() == [True, False] and kept["ra_max_ml"].tolist() == [3.0, 4.0]
    assert compared["subject"].tolist() == ["B"]
    assert left_out[["what", "n"]].to_numpy().tolist() == [["lvedv_ml", 1], ["overlap sa", 1]]
    assert set(left_out["reason"]) == {"a person corrected the label map of the short axis view"}
