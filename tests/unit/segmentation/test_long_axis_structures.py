"""Networks of the 4-chamber view that know the ventricles and the wall, with or without the atria."""

from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from cinecohort.analyses.network_validation import validate_network
from cinecohort.catalogue.views import LABELS
from cinecohort.conversion.options import ConversionOptions
from cinecohort.errors import UserError
from cinecohort.evaluation.options import EvaluationOptions
from cinecohort.evaluation.subject import evaluate_subject
from cinecohort.files import read_json, write_json
from cinecohort.images import Image, read_image, write_image
from cinecohort.label_maps import read_label, read_segmentation, whole_labels
from cinecohort.labels import long_axis_fault
from cinecohort.measures.options import MeasureOptions
from cinecohort.measures.subject import measure_subject
from cinecohort.model_sets import single_set
from cinecohort.quality.options import SegmentationQualityOptions
from cinecohort.quality.segmentations import check_segmentations
from cinecohort.segmentation.descriptions import describe_model
from cinecohort.segmentation.options import ModelOptions, SegmentationOptions
from cinecohort.segmentation.prediction import segment_subjects
from cinecohort.segmentation.training import make_trainer, train
from cinecohort.segmentation.training_data import load_slices
from cinecohort.segmentation.training_options import TrainingOptions
from cinecohort.segmentation.validation_records import ValidationRecord
from cinecohort.segmentation.weights import load_model
from cinecohort.sources.base import open_source

VIEW = "la_4ch"
EVERYTHING = ["LA", "RA", "LV", "MYO", "RV"]
VENTRICLES = ["LV", "MYO", "RV"]
BRIGHTNESS = np.array([20, 110, 140, 230, 60, 190])
BOXES = {4: (6, 24, 18, 42), 3: (9, 21, 18, 38), 1: (9, 21, 6, 18), 5: (24, 36, 18, 38), 2: (24, 36, 6, 18)}


def four_chambers(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Image and labels (x, y, 1, t): four bright chambers and a dark wall, each of its own brightness."""
    labels = np.zeros((44, 48, 1, 2), dtype=np.uint8)
    for label, (left, right, top, bottom) in BOXES.items():
        labels[left:right, top:bottom] = label
    noise = np.random.default_rng(seed).normal(0, 3, labels.shape)
    return (BRIGHTNESS[labels] + noise).astype(np.int16), labels


def write_subject(folder: Path, seed: int, annotated: list[str]) -> Path:
    """An image, and labels of an observer who drew just what is named."""
    image, labels = four_chambers(seed)
    drawn = [label for label, name in LABELS[VIEW].items() if name in annotated]
    labels[~np.isin(labels, drawn)] = 0
    affine = np.diag([2.0, 2.0, 8.0, 1.0])
    listed = {str(frame): {name: [0] for name in annotated} for frame in (0, 1)}
    roles = {"ed": 0, "es": 1}
    folder.mkdir(parents=True)
    write_image(folder / f"{VIEW}.nii.gz", Image(image, affine, None, {"frame_roles": roles}))
    sidecar = {"annotated": listed, "ed_frame": 0, "es_frame": 1}
    write_image(folder / f"label_manual_{VIEW}.nii.gz", Image(labels, affine, None, sidecar))
    return folder


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half of the observers drew all, half only the ventricles, as in two public data sets."""
    root = tmp_path_factory.mktemp("chambers")
    for number in range(4):
        write_subject(root / f"S{number}", number, EVERYTHING if number % 2 else VENTRICLES)
    return root


def options_for(cohort: Path, output: Path, **changes: object) -> TrainingOptions:
    values: dict[str, object] = {
        **{"name": "tiny", "view": VIEW, "output": output, "architecture": "unet16", "spacing_mm": 2.0},
        **{
            "data": {"folders": [cohort], "validation": ["S3"]},
            "crop": 48,
            "iterations": 60,
            "batch_size": 4,
        },
        **{"warm_up": 5, "learning_rate": 0.01, "average": None, "random_crops": 0.0, "precision": "fp32"},
        "augmentation": {
            **{"rotation_deg": 0.0, "any_rotation": 0.0, "scale": [1.0, 1.0], "shift_mm": 4.0, "flip": 0.0},
            **{"elastic": 0.0, "gamma": 0.0, "contrast": 0.0, "bias_field": 0.0, "blur": 0.0},
            **{"low_resolution": 0.0, "noise": 0.0},
        },
        **{"device": "cpu", "threads": 1, "validate_every": 60},
    }
    return TrainingOptions.model_validate({**values, **changes})


def segmented(weights: Path, folder: Path) -> Image:
    model = ModelOptions(name="tiny", weights=str(weights))
    options = SegmentationOptions(engine="torch", precision="fp32")
    ((_, outcome),) = segment_subjects([folder], model, options, VIEW, threads=1)
    assert outcome.outputs
    return read_image(folder / f"seg_{VIEW}.nii.gz")


@pytest.fixture(scope="module")
def ventricular(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(
        options_for(cohort, tmp_path_factory.mktemp("ventricles"), structures=VENTRICLES),
        report=lambda line: None,
    )


@pytest.fixture(scope="module")
def of_all_chambers(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(
        options_for(cohort, tmp_path_factory.mktemp("all"), structures=EVERYTHING), report=lambda line: None
    )


def test_five_structures_are_learnt_though_half_of_the_observers_drew_three(
    of_all_chambers: Path, tmp_path: Path
) -> None:
    assert describe_model(str(of_all_chambers)).labels == LABELS[VIEW]
    folder = write_subject(tmp_path / "new", 9, EVERYTHING)
    found, truth = segmented(of_all_chambers, folder), read_image(folder / f"label_manual_{VIEW}.nii.gz")
    for label in LABELS[VIEW]:
        both = ((found.data == label) & (truth.data == label)).sum()
        assert 2 * both > 0.8 * ((found.data == label).sum() + (truth.data == label).sum()), label
    assert found.sidecar["structures"] == {str(label): name for label, name in LABELS[VIEW].items()}
    assert found.sidecar["clean_up"]["removed_share"].keys() == set(EVERYTHING)
    outcome = check_segmentations(folder, None, SegmentationQualityOptions())
    assert outcome.values[f"{VIEW}_rv_min_voxels"] > 100 and f"{VIEW}_lv_rule_passed" not in outcome.values


def test_a_network_of_the_ventricles_says_nothing_of_atria(ventricular: Path, tmp_path: Path) -> None:
    assert describe_model(str(ventricular)).labels == {3: "LV", 4: "MYO", 5: "RV"}
    folder = write_subject(tmp_path / "new", 9, EVERYTHING)
    found = segmented(ventricular, folder)
    assert set(np.unique(found.data)) == {0, 3, 4, 5}
    known = read_segmentation(folder, VIEW)
    assert known is not None and set(known.structures.values()) == set(VENTRICLES)
    rows = evaluate_subject(folder, [single_set("tiny", [VIEW])], ["manual"], EvaluationOptions()).rows
    assert {row["structure"] for row in rows} == set(VENTRICLES)
    assert min(row["dice"] for row in rows) > 0.8
    (measured,) = measure_subject(folder, [single_set("tiny", [VIEW])], [], MeasureOptions()).rows
    assert measured["ra_max_ml"] is None and measured["la_4ch_max_ml"] is None
    values = check_segmentations(folder, None, SegmentationQualityOptions()).values
    assert f"{VIEW}_la_min_voxels" not in values and values[f"{VIEW}_rule_passed"] == 1.0


def test_who_drew_ventricles_only_is_not_compared_in_the_atria(of_all_chambers: Path, tmp_path: Path) -> None:
    folder = write_subject(tmp_path / "new", 9, VENTRICLES)
    segmented(of_all_chambers, folder)
    rows = evaluate_subject(folder, [single_set("tiny", [VIEW])], ["manual"], EvaluationOptions()).rows
    assert {row["structure"] for row in rows} == set(VENTRICLES)


def test_a_record_without_every_structure_lifts_nothing(
    cohort: Path, of_all_chambers: Path, tmp_path: Path
) -> None:
    for number in range(3):
        write_subject(tmp_path / "labelled" / f"N{number}", 20 + number, VENTRICLES)
    model = ModelOptions(name="tiny", weights=str(of_all_chambers))
    record = validate_network(model, VIEW, tmp_path / "labelled", "manual", SegmentationOptions())
    assert set(record.structures) == set(VENTRICLES)
    assert any(failure.startswith("LA, RA: ") for failure in record.failures)


def test_labels_of_the_atria_alone_can_lift_the_mark(
    of_all_chambers: Path, ventricular: Path, tmp_path: Path
) -> None:
    """No measure is made of the ventricles, so that labels of the atria alone test all that is measured."""
    for number in range(3):
        write_subject(tmp_path / "labelled" / f"N{number}", 20 + number, ["LA", "RA"])
        write_subject(tmp_path / "ventricles" / f"N{number}", 20 + number, ["LV", "RV"])
    options = SegmentationOptions()

    def tested(weights: Path, labelled: str) -> ValidationRecord:
        model = ModelOptions(name="tiny", weights=str(weights))
        return validate_network(model, VIEW, tmp_path / labelled, "manual", options)

    record = tested(of_all_chambers, "labelled")
    assert record.untested == ["LV", "MYO", "RV"] and set(record.structures) == {"LA", "RA"}
    assert not any("nobody drew" in failure for failure in record.failures)
    assert record.verdict.endswith("not tested, and nothing is measured from it: LV, MYO, RV")
    assert any(failure.startswith("MYO: ") for failure in tested(ventricular, "ventricles").failures)


def test_by_default_a_network_learns_the_atria(cohort: Path, tmp_path: Path) -> None:
    options = options_for(cohort, tmp_path)
    assert options.labels == {1: "LA", 2: "RA"}
    data = load_slices([cohort / "S0", cohort / "S1"], "manual", VIEW, structures=options.labels)
    assert data.without_labels == ("S0",) and data.labels.max() == 2 and data.annotated.shape == (2, 3)


@pytest.fixture(scope="module")
def atrial(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("atria")
    return train(options_for(cohort, output, name="atria", iterations=5), report=lambda line: None)


def test_what_a_start_knows_is_kept_and_what_it_does_not_know_starts_fresh(
    cohort: Path, ventricular: Path, atrial: Path, tmp_path: Path
) -> None:
    """A network of the atria that goes on to learn all chambers does not forget them first."""
    options = options_for(cohort, tmp_path, structures=EVERYTHING, start_from=str(atrial))
    data = load_slices([cohort / "S1"], "manual", VIEW, structures=options.labels)

    def rows(start_from: object) -> dict[str, torch.Tensor]:
        changed = options.model_copy(update={"start_from": start_from})
        return make_trainer(changed, data).network.state_dict()

    of_atria, of_ventricles = (load_model(str(path))[0].state_dict() for path in (atrial, ventricular))
    fresh, started = rows(None), rows(str(atrial))
    both, ventricles = rows([str(atrial), str(ventricular)]), rows(str(ventricular))
    for name in ("head.weight", "head.bias"):
        assert torch.equal(started[name][:3], of_atria[name])
        assert torch.equal(started[name][3:], fresh[name][3:])
        assert torch.equal(ventricles[name][[0, 3, 4, 5]], of_ventricles[name])
        assert torch.equal(ventricles[name][1:3], fresh[name][1:3])
        assert torch.equal(both[name][1:3], of_atria[name][1:])
        assert torch.equal(both[name][3:], of_ventricles[name][1:])
        assert torch.allclose(both[name][0], (of_atria[name][0] + of_ventricles[name][0]) / 2)
    inner = [name for name in started if not name.startswith("head.") and started[name].is_floating_point()]
    assert all(torch.equal(started[name], of_atria[name]) for name in inner)
    assert all(torch.allclose(both[name], (of_atria[name] + of_ventricles[name]) / 2) for name in inner)


def test_a_network_that_grew_keeps_what_its_start_knows(cohort: Path, tmp_path: Path) -> None:
    options = options_for(cohort, tmp_path / "slim", architecture="unet_slim", iterations=1)
    slim = train(options, report=lambda line: None)
    changes = {"architecture": "unet_fine", "structures": EVERYTHING, "start_from": str(slim)}
    options = options_for(cohort, tmp_path / "fine", **changes)
    data = load_slices([cohort / "S1"], "manual", VIEW, structures=options.labels)
    grown, start = make_trainer(options, data).network.eval(), load_model(str(slim))[0]
    images = torch.rand((1, 1, 48, 48))
    with torch.no_grad():
        assert torch.allclose(grown(images)[:, :3], start(images), rtol=1e-3, atol=1e-3)


def test_structures_that_a_view_does_not_have_are_refused(cohort: Path, tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="RV: the structures of la_2ch are LA, LV, MYO"):
        options_for(cohort, tmp_path, view="la_2ch", structures=["RV"])


def test_labels_that_a_view_does_not_have_are_refused() -> None:
    with pytest.raises(UserError, match="has label 2, but the labels of la_2ch are 1 LA, 3 LV, 4 MYO"):
        whole_labels(np.array([[0, 1, 2, 3]], dtype=np.uint8), "la_2ch", Path("x.nii.gz"))


def test_weights_of_an_unknown_coding_are_refused(ventricular: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.safetensors"
    other.write_bytes(ventricular.read_bytes())
    described = read_json(ventricular.with_suffix(".json"))
    write_json(other.with_suffix(".json"), {**described, "structures": {"1": "LV", "4": "MYO", "5": "RV"}})
    with pytest.raises(UserError, match="its description gives the labels"):
        segmented(other, write_subject(tmp_path / "new", 9, EVERYTHING))


def test_labels_without_a_sidecar_are_known_where_they_are_drawn(tmp_path: Path) -> None:
    folder = write_subject(tmp_path / "new", 9, EVERYTHING)
    (folder / f"label_manual_{VIEW}.json").unlink()
    label = read_label(folder, VIEW, "manual")
    assert label is not None and label.structures == LABELS[VIEW]


CODINGS = {
    "ventricles first, as M&Ms-2": {3: 1, 4: 2, 5: 3, 1: 0, 2: 0},
    "ventricles, then atria, as Bai": {3: 1, 4: 2, 5: 3, 1: 4, 2: 5},
    "ventricles, then atria, as CMR-MULTI": {3: 1, 4: 2, 5: 3, 2: 4, 1: 5},
    "LV and RV exchanged": {1: 1, 2: 2, 3: 5, 4: 4, 5: 3},
}


def recoded(labels: np.ndarray, coding: dict[int, int]) -> np.ndarray:
    table = np.zeros(6, dtype=np.uint8)
    table[list(coding)] = list(coding.values())
    return table[labels]


@pytest.mark.parametrize("coding", CODINGS.values(), ids=CODINGS)
def test_another_coding_is_found_out_by_the_anatomy(coding: dict[int, int], tmp_path: Path) -> None:
    """Else the LV of another coding would be measured as the LA."""
    folder = write_subject(tmp_path / "S1", 9, EVERYTHING)
    right = read_image(folder / f"label_manual_{VIEW}.nii.gz")
    assert long_axis_fault(right.data, VIEW) is None
    assert long_axis_fault(np.where(right.data > 2, 0, right.data), VIEW) is None
    wrong = recoded(right.data, coding)
    fault = long_axis_fault(wrong, VIEW)
    assert fault is not None and "is the label coding right?" in fault
    write_image(folder / f"seg_{VIEW}.nii.gz", Image(wrong, right.affine))
    with pytest.raises(UserError, match="is the label coding right"):
        read_segmentation(folder, VIEW)
    write_image(folder / f"label_manual_{VIEW}.nii.gz", Image(wrong, right.affine))
    with pytest.raises(UserError, match="is the label coding right"):
        load_slices([folder], "manual", VIEW)
    write_image(tmp_path / "raw" / "S1" / f"{VIEW}.nii.gz", read_image(folder / f"{VIEW}.nii.gz"))
    write_image(tmp_path / "raw" / "S1" / f"label_{VIEW}.nii.gz", Image(wrong, right.affine))
    source = open_source("nifti", tmp_path / "raw")
    outcome = source.convert(source.subject("S1"), tmp_path / "converted", ConversionOptions())
    assert "LABEL_SWAP" in {finding.code for finding in outcome.findings}


def test_labels_of_all_chambers_come_through_conversion(tmp_path: Path) -> None:
    folder = write_subject(tmp_path / "raw" / "S1", 9, EVERYTHING)
    (folder / f"label_manual_{VIEW}.nii.gz").rename(folder / f"label_{VIEW}.nii.gz")
    source = open_source("nifti", tmp_path / "raw")
    outcome = source.convert(source.subject("S1"), tmp_path / "converted", ConversionOptions())
    assert "LABEL_SWAP" not in {finding.code for finding in outcome.findings}
    label = read_label(tmp_path / "converted", VIEW, "manual")
    assert label is not None and label.structures == LABELS[VIEW]
