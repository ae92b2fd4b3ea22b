"""What quality checks reject is neither measured nor compared, and a finding says so."""

from pathlib import Path

import numpy as np
import pytest

from cinecohort.cohort.index import IndexedSubject
from cinecohort.cohort.rejections import rejections
from cinecohort.cohort.runner import Stage
from cinecohort.cohort.settings import settings_for
from cinecohort.cohort.stage_builders import BUILDERS
from cinecohort.cohort.stage_settings import SETTINGS
from cinecohort.config import parse_config
from cinecohort.findings import Finding, Level, Outcome, Status
from cinecohort.images import Image, write_image
from cinecohort.store import write_record

AFFINE = np.diag([2.0, 2.0, 10.0, 1.0])
SUBJECT = IndexedSubject("S1", "tiny", "S1", "", "", {})


def ventricles() -> np.ndarray:
    labels = np.zeros((48, 48, 7, 4), dtype=np.uint8)
    for frame, half in enumerate((10, 8, 6, 8)):
        labels[20 - half - 3 : 20 + half + 3, 24 - half - 3 : 24 + half + 3, :, frame] = 2
        labels[20 - half : 20 + half, 24 - half : 24 + half, :, frame] = 1
        labels[20 + half + 3 : 20 + half + 12, 16:32, :, frame] = 3
    return labels


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "S1"
    folder.mkdir()
    everywhere = {str(frame): {name: list(range(7)) for name in ("LV", "MYO", "RV")} for frame in (0, 2)}
    drawn = {"ed_frame": 0, "es_frame": 2, "annotated": everywhere}
    sidecar = {"view": "sa", "heart_rate_bpm": 60.0, "frame_roles": {}, "missing_slices": []}
    write_image(folder / "sa.nii.gz", Image(ventricles(), AFFINE, sidecar=sidecar))
    write_image(folder / "seg_sa.nii.gz", Image(ventricles(), AFFINE, sidecar={"frames": [0, 1, 2, 3]}))
    write_image(folder / "label_O1_sa.nii.gz", Image(ventricles(), AFFINE, sidecar=drawn))
    write_record(folder, "convert", 1, "", Outcome(Status.OK, outputs=["label_O1_sa.nii.gz"]))
    return folder


def stage(name: str, folder: Path) -> Stage:
    datasets = {"tiny": {"source": "acdc", "path": str(folder)}}
    config = parse_config({"datasets": datasets, "models": {"sa": [{"name": "unet_slim_sa"}]}})
    return BUILDERS[name](SETTINGS[name].read(settings_for(name, config)), folder.parent, 1, 0)


def work(name: str, folder: Path) -> Outcome:
    made = stage(name, folder)
    assert made.work is not None
    return made.work(SUBJECT, folder)


def reject(folder: Path, by: str, code: str, level: Level = Level.REJECT) -> None:
    write_record(folder, by, 1, "", Outcome(Status.REVIEW, [Finding(code, level, "Why.", "sa")]))


def sources(outcome: Outcome) -> set[str]:
    return {row["source"] for row in outcome.rows}


def rejected(outcome: Outcome) -> list[str]:
    return [finding.message for finding in outcome.findings if finding.code == "VIEW_REJECTED"]


def test_what_is_only_flagged_is_used(folder: Path) -> None:
    reject(folder, "segmentation_quality", "S4", Level.REVIEW)
    assert rejections(folder) == {}
    assert sources(work("measure", folder)) == {"unet_slim_sa", "O1"}
    assert sources(work("evaluate", folder)) == {"unet_slim_sa"}


def test_a_rejected_segmentation_is_not_used_and_the_observers_is(folder: Path) -> None:
    reject(folder, "segmentation_quality", "S4")
    measured, compared = work("measure", folder), work("evaluate", folder)
    assert sources(measured) == {"O1"}
    assert compared.rows == []
    (message,) = rejected(measured)
    assert "sa was not measured: it is rejected by S4" in message
    assert "was not compared" in rejected(compared)[0]
    assert measured.status == compared.status == Status.REVIEW


def test_a_rejected_image_is_not_used_at_all(folder: Path) -> None:
    reject(folder, "image_quality", "I1")
    measured = work("measure", folder)
    assert measured.rows == []
    assert measured.status is Status.EXCLUDED
    assert rejected(measured) == ["sa was not measured: its image is rejected by I1"]


@pytest.mark.parametrize("name", ["measure", "evaluate"])
def test_a_rejection_is_a_reason_to_measure_again(name: str, folder: Path) -> None:
    made = stage(name, folder)
    before = made.inputs(SUBJECT, folder)
    reject(folder, "segmentation_quality", "S4")
    assert made.inputs(SUBJECT, folder) != before
