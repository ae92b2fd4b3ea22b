"""M&Ms-2: both views, cine or two frames, the ventricles' labels in our coding, who was scanned where."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from cinecohort.catalogue.views import LABELS
from cinecohort.cohort.gather import gather_results
from cinecohort.cohort.index import shards
from cinecohort.cohort.refresh import refresh_index
from cinecohort.cohort.settings import settings_for
from cinecohort.cohort.stages import run_stage
from cinecohort.cohort.versions import STAGES
from cinecohort.config import parse_config
from cinecohort.conversion.options import ConversionOptions
from cinecohort.errors import UserError
from cinecohort.findings import Outcome, Status
from cinecohort.images import read_image
from cinecohort.sources.base import open_source
from cinecohort.sources.detect import detect_layout
from cinecohort.statistics.overlap_tables import summarise
from support.findings import codes
from support.tiny_weights import write_weights

SHAPES = {"SA": (24, 28, 5), "LA": (26, 30, 1)}
ROTATED = np.array([[0.0, 0.6, 0.8], [1.0, 0.0, 0.0], [0.0, 0.8, -0.6]]).T
INFORMATION = """SUBJECT_CODE,DISEASE,VENDOR,SCANNER,FIELD
1,NOR,Philips Medical Systems,Achieva,1.5
201,TRI,SIEMENS,Avanto,1.5
,,,,
"""


def labels_of(shape: tuple[int, ...], radius: int) -> np.ndarray:
    """LV (1) in a ring of myocardium (2) with an RV (3) beside it."""
    x, y = np.indices(shape[:2])
    distance = np.hypot(x - 9, y - 14)
    plane = np.zeros(shape[:2], dtype=np.uint8)
    plane[(x > 9) & (distance < radius + 6)] = 3
    plane[distance < radius + 2] = 2
    plane[distance < radius] = 1
    return np.repeat(plane[:, :, None], shape[2], axis=2)


def save(path: Path, data: np.ndarray) -> None:
    affine = np.eye(4)
    affine[:3, :3] = ROTATED * [1.3, 1.3, 9.0]
    affine[:3, 3] = (10, -20, 30)
    image = nib.Nifti1Image(data, affine)
    if data.ndim == 4:
        image.header.set_zooms((1.3, 1.3, 9.0, 0.04))
    nib.save(image, path)


def make_patient(folder: Path, key: str = "001", frames: int = 20, es: int = 7) -> Path:
    patient = folder / key
    patient.mkdir(parents=True)
    random = np.random.default_rng(int(key))
    for axis, shape in SHAPES.items():
        cine = random.integers(0, 900, (*shape, frames)).astype(np.int16)
        save(patient / f"{key}_{axis}_CINE.nii.gz", cine)
        for role, frame, radius in (("ED", 1, 6), ("ES", es, 4)):
            save(patient / f"{key}_{axis}_{role}.nii.gz", cine[..., frame])
            save(patient / f"{key}_{axis}_{role}_gt.nii.gz", labels_of(shape, radius))
    return patient


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "MnM2"
    make_patient(folder / "dataset")
    (folder / "dataset_information.csv").write_text(INFORMATION)
    return folder


def convert(root: Path, key: str = "mnms001") -> tuple[Outcome, Path]:
    source = open_source("mnms2", root)
    folder = root.parent / "store" / key
    return source.convert(source.subject(key), folder, ConversionOptions()), folder


def test_both_cines_come_with_the_frames_that_were_labelled(root: Path) -> None:
    outcome, folder = convert(root)
    assert (outcome.status, codes(outcome, notes=False)) == (Status.OK, set())
    for view, axis in (("sa", "SA"), ("la_4ch", "LA")):
        image, label = (
            read_image(folder / f"{view}.nii.gz"),
            read_image(folder / f"label_manual_{view}.nii.gz"),
        )
        assert image.data.shape == label.data.shape == (*SHAPES[axis], 20)
        assert image.sidecar["frame_roles"] == {"ed": 1, "es": 7}
        assert (label.sidecar["ed_frame"], label.sidecar["es_frame"]) == (1, 7)
        assert set(np.flatnonzero(label.data.any(axis=(0, 1, 2)))) == {1, 7}
        assert image.sidecar["heart_rate_bpm"] == pytest.approx(75.0)
    assert outcome.values["observers"] == "manual"  # noqa: PD011


def test_labels_keep_their_place_and_get_our_numbers(root: Path) -> None:
    folder = convert(root)[1]
    for view, axis, ours in (("sa", "SA", (1, 2, 3)), ("la_4ch", "LA", (3, 4, 5))):
        label = read_image(folder / f"label_manual_{view}.nii.gz")
        theirs = labels_of(SHAPES[axis], 6)
        if label.data.shape[2] > 1:  # The affine is left-handed: the slices alone are turned.
            theirs = theirs[:, :, ::-1]
        for number, their_number in zip(ours, (1, 2, 3), strict=True):
            np.testing.assert_array_equal(label.data[..., 1] == number, theirs == their_number)
        named = {name: list(range(SHAPES[axis][2])) for name in ("LV", "MYO", "RV")}
        assert label.sidecar["annotated"] == {"1": named, "7": named}
        assert label.sidecar["coding"] == "mnms2"


def test_without_a_cine_that_holds_them_the_two_frames_are_used(root: Path) -> None:
    patient = root / "dataset" / "001"
    save(patient / "001_LA_CINE.nii.gz", np.full((*SHAPES["LA"], 20), 7, dtype=np.int16))
    (patient / "001_SA_CINE.nii.gz").unlink()
    outcome, folder = convert(root)
    assert outcome.status is Status.OK and "NOT_CINE" in codes(outcome)
    for view in ("sa", "la_4ch"):
        image = read_image(folder / f"{view}.nii.gz")
        assert image.data.shape[3] == 2 and image.sidecar["frame_roles"] == {"ed": 0, "es": 1}
        assert image.sidecar["heart_rate_bpm"] is None
        assert read_image(folder / f"label_manual_{view}.nii.gz").sidecar["annotated"].keys() == {"0", "1"}


def test_a_view_without_end_systole_is_no_view(root: Path) -> None:
    (root / "dataset" / "001" / "001_SA_ES.nii.gz").unlink()
    outcome, folder = convert(root)
    assert outcome.status is Status.EXCLUDED and "MISSING_FRAME" in codes(outcome)
    assert not (folder / "sa.nii.gz").exists() and (folder / "la_4ch.nii.gz").exists()


def test_missing_labels_leave_the_image(root: Path) -> None:
    for path in (root / "dataset" / "001").glob("*_LA_E?_gt.nii.gz"):
        path.unlink()
    outcome, folder = convert(root)
    assert (outcome.status, codes(outcome, notes=False)) == (Status.REVIEW, {"LABEL_INCOMPLETE"})
    assert (folder / "la_4ch.nii.gz").exists() and not (folder / "label_manual_la_4ch.nii.gz").exists()


def test_a_folder_of_other_files_says_what_is_missing(root: Path) -> None:
    (root / "dataset" / "002").mkdir()
    (outcome, _) = convert(root, "mnms002")
    assert outcome.status is Status.EXCLUDED and "002_SA_ED.nii.gz" in outcome.findings[0].message


def test_participants_have_disease_and_scanner(root: Path) -> None:
    make_patient(root / "dataset", "201")
    make_patient(root / "dataset", "170")
    table = open_source("mnms2", root).participants().set_index("subject")
    columns = ["group", "vendor", "scanner", "field_t"]
    assert table.loc["mnms001", columns].tolist() == ["NOR", "Philips", "Achieva", 1.5]
    assert table.loc["mnms201", columns].tolist() == ["TRI", "Siemens", "Avanto", 1.5]
    assert table.loc["mnms170", columns].isna().all()


def test_the_workflow_compares_a_network_of_all_chambers_in_the_ventricles_by_vendor(
    root: Path, tmp_path: Path
) -> None:
    for key in ("002", "201", "202"):
        make_patient(root / "dataset", key, frames=4, es=2)
    more = "2,HCM,Philips Medical Systems,Achieva,1.5\n202,NOR,SIEMENS,Avanto,1.5\n"
    (root / "dataset_information.csv").write_text(INFORMATION + more)
    weights = write_weights(tmp_path / "chambers.safetensors", 3, "la_4ch", LABELS["la_4ch"])
    config = parse_config(
        {
            "results": str(tmp_path / "results"),
            "datasets": {"mnms2": {"source": "mnms2", "path": str(root)}},
            "models": {"la_4ch": [{"name": "chambers", "weights": str(weights)}]},
            "segmentation": {"engine": "torch", "precision": "fp32", "device": "cpu"},
        }
    )
    refresh_index(config)
    for stage in STAGES:
        for shard in shards(config.results):
            tables = [config.results / stage / f"{shard}{kind}.tsv" for kind in ("", ".findings")]
            run_stage(stage, settings_for(stage, config), *tables)
    gather_results(settings_for("gather", config), shards(config.results), config.results)
    cohort = config.results / "cohort"
    overlap = pd.read_csv(cohort / "overlap.tsv", sep="\t")
    four = overlap[(overlap["view"] == "la_4ch") & (overlap["source"] == "chambers")]
    assert set(four["structure"]) == {"LV", "MYO", "RV"} and four["subject"].nunique() == 4
    people = pd.read_csv(cohort / "participants.tsv", sep="\t")
    by_vendor = summarise(four, people, ["vendor"])
    assert by_vendor.groupby("vendor")["n"].max().to_dict() == {"Philips": 2, "Siemens": 2}
    measures = pd.read_csv(cohort / "measures.tsv", sep="\t").set_index("source")
    assert measures.loc[["manual"], ["la_max_ml", "ra_max_ml"]].isna().all(axis=None)


def test_the_folder_is_found_at_each_of_its_levels(root: Path) -> None:
    for place in (root.parent, root, root / "dataset"):
        source = open_source("mnms2", place)
        assert [subject.key for subject in source.subjects()] == ["mnms001"]
        assert source.participants()["vendor"].tolist() == ["Philips"]
    assert detect_layout(root) == detect_layout(root.parent) == "mnms2"
    for key in ("mnms009", "001"):
        with pytest.raises(UserError, match=key):
            open_source("mnms2", root).subject(key)


def test_the_table_of_patients_groups_dice_by_vendor_and_disease(root: Path) -> None:
    make_patient(root / "dataset", "201")
    rows = [
        {"subject": subject, "view": "la_4ch", "structure": "RV", "frame": 0, "dice": dice, "position": "all"}
        for subject, dice in (("mnms001", 0.9), ("mnms201", 0.8))
    ]
    overlap = pd.DataFrame(rows).assign(source="net", reference="manual", role="ed", mcd_mm=1.0, hd_mm=2.0)
    people = open_source("mnms2", root).participants()
    for column, levels in (("vendor", ["Philips", "Siemens"]), ("group", ["NOR", "TRI"])):
        table = summarise(overlap, people, [column]).set_index(column)
        assert table.loc[levels, "dice_mean"].tolist() == [0.9, 0.8]
