"""Model folders of nnU-Net v2: read, run in the same stage, refused in sentences."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cinecohort.catalogue.views import LABELS
from cinecohort.cli import main
from cinecohort.cohort.index import IndexedSubject
from cinecohort.cohort.stage_builders import BUILDERS
from cinecohort.cohort.stage_settings import SegmentSettings
from cinecohort.errors import UserError
from cinecohort.images import Image, read_image, write_image
from cinecohort.options import parse_options
from cinecohort.segmentation.descriptions import check_digest, describe_for, describe_model, usage_digest
from cinecohort.segmentation.options import CleanUpOptions, ModelOptions, SegmentationOptions
from cinecohort.segmentation.prediction import load, segment_subjects
from cinecohort.segmentation.uncertainty import mean_pairwise_dice
from cinecohort.segmentation.validation_records import StructureRecord, ValidationRecord
from support.nnunet import Predictor, nnunet, write_folder

__all__ = ["nnunet"]

AS_IT_IS = CleanUpOptions(largest_component=False, fill_holes=False)


@pytest.fixture(autouse=True)
def without_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_folder(tmp_path)


def model_of(folder: Path, **more: Any) -> ModelOptions:
    return ModelOptions(name="acdc", weights=f"nnunet:{folder}", **more)


def subject_of(cohort: Path, destination: Path) -> Path:
    """A subject with pixels of 2 x 2.5 mm, so that the order of the axes shows."""
    image = read_image(cohort / "S0" / "sa.nii.gz")
    affine = np.diag([2.0, 2.5, 8.0, 1.0])
    write_image(destination / "sa.nii.gz", Image(image.data, affine, 0.03, image.sidecar))
    return destination


def test_a_folder_is_described_as_weights_are(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELS", str(folder.parent))
    found = describe_for(f"nnunet:$MODELS/{folder.name}", "sa")
    assert found.name == "Dataset027_ACDC.nnUNetTrainer__nnUNetPlans__2d"
    assert found.structures == {"1": "LV", "2": "MYO", "3": "RV"}
    assert not found.validated
    check_digest(f"nnunet:{folder}")
    with pytest.raises(UserError, match="segment sa, not la_2ch"):
        describe_for(f"nnunet:{folder}", "la_2ch")
    atrium = write_folder(folder.parents[1] / "atrium", labels={"background": 0, "Left Atrium": 1})
    assert describe_model(f"nnunet:{atrium}").view == "la_2ch"
    labels = {"background": 0, "LV": 1, "MYO": 2, "RV": 3, "LA": 4, "RA": 5}
    chambers = describe_model(f"nnunet:{write_folder(folder.parents[1] / 'chambers', labels=labels)}")
    assert chambers.view == "la_4ch" and chambers.labels == LABELS["la_4ch"]


def test_its_identity_is_that_of_its_files(folder: Path) -> None:
    weights = f"nnunet:{folder}"
    digests = {usage_digest(weights)}
    for path in (folder / "plans.json", folder / "fold_1" / "checkpoint_final.pth"):
        path.write_bytes(path.read_bytes() + b" ")
        digests.add(usage_digest(weights))
    (folder / "fold_1" / "checkpoint_best.pth").write_bytes(b"not used")
    assert len(digests | {usage_digest(weights)}) == 3


def test_labels_come_from_their_names_and_the_image_as_nnunet_takes_it(
    folder: Path, nnunet: type[Predictor], labelled_cohort: Path, tmp_path: Path, capsys: Any
) -> None:
    subject = subject_of(labelled_cohort, tmp_path / "S0")
    options = SegmentationOptions(clean_up=AS_IT_IS)
    ((_, outcome),) = segment_subjects([subject], model_of(folder), options, "sa", threads=1)
    assert outcome.values["engine"] == "nnunetv2"
    assert not outcome.traceback
    labels, truth = (
        read_image(path).data
        for path in (subject / "seg_sa.nii.gz", labelled_cohort / "S0" / "label_manual_sa.nii.gz")
    )
    for label in (1, 2, 3):
        overlap = mean_pairwise_dice([labels == label, truth == label])
        assert overlap is not None and overlap > 0.95  # The image is noisy.
    (made,) = nnunet.made
    size_x, size_y, slices, frames = truth.shape
    assert made.stacks == [((slices, size_y, size_x), [8.0, 2.5, 2.0])] * frames
    assert made.folds == ("0", "1")
    assert not made.use_mirroring
    sidecar = read_image(subject / "seg_sa.nii.gz").sidecar
    assert sidecar["weights"] == "Dataset027_ACDC.nnUNetTrainer__nnUNetPlans__2d"
    assert sidecar["weights_sha256"] == describe_model(f"nnunet:{folder}").sha256
    assert sidecar["validated"] is False
    assert sidecar["external"]["folds"] == ["0", "1"]
    assert sidecar["external"]["labels"] == {"RV": 1, "MYO": 2, "LV": 3}
    assert capsys.readouterr().out == ""


def test_flips_second_network_and_voxels_that_are_not_finite(
    folder: Path, nnunet: type[Predictor], labelled_cohort: Path, tmp_path: Path
) -> None:
    subject = subject_of(labelled_cohort, tmp_path / "S0")
    image = read_image(subject / "sa.nii.gz")
    data = image.data.astype(np.float32)
    data[:2, 0, 0, 0] = np.nan, np.inf
    write_image(subject / "sa.nii.gz", Image(data, image.affine, 0.03, image.sidecar))
    options = SegmentationOptions(
        clean_up=AS_IT_IS,
        uncertainty=True,
        test_time_augmentation="flips",
        second_network="unet16_sa",
        engine="torch",
        precision="fp32",
    )
    ((_, outcome),) = segment_subjects([subject], model_of(folder), options, "sa", threads=1)
    assert not outcome.traceback
    sidecar = read_image(subject / "seg_sa.nii.gz").sidecar
    assert all(value == 1.0 for value in sidecar["uncertainty"]["agreement"].values())
    assert sidecar["confidence"]["expected_dice"]["LV"] > 0.5
    assert sidecar["confidence"]["second_network"].startswith("unet16_sa@")
    (made,) = nnunet.made
    assert made.use_mirroring
    assert {tuple(spacing) for _, spacing in made.stacks} == {(8.0, 2.5, 2.0), (8.0, 2.0, 2.5)}
    assert all((shape[1] > shape[2]) == (spacing[1] == 2.5) for shape, spacing in made.stacks)


def test_the_stage_and_the_command_take_it(
    folder: Path, nnunet: type[Predictor], labelled_cohort: Path, tmp_path: Path
) -> None:
    subject = subject_of(labelled_cohort, tmp_path / "store" / "S0")
    settings = SegmentSettings(
        version=1,
        models={"sa": [model_of(folder)]},
        segmentation=SegmentationOptions(),
        weights={"sa/acdc": usage_digest(f"nnunet:{folder}")},
    )
    work = BUILDERS["segment"](settings, tmp_path, 1, 0).work_on_all
    assert work is not None
    ((_, outcome),) = work([(IndexedSubject("S0", "tiny", "S0", "S0", "", "raw"), subject)])
    assert outcome.outputs == ["seg_sa.nii.gz", "seg_sa.json"]
    by_stage = read_image(subject / "seg_sa.nii.gz")
    assert main(["segment", str(subject), "--model", f"nnunet:{folder}", "--name", "again"]) == 0
    by_command = read_image(subject / "seg_again_sa.nii.gz")
    assert np.array_equal(by_stage.data, by_command.data)


def test_a_record_of_validation_lifts_the_mark(folder: Path, nnunet: type[Predictor], tmp_path: Path) -> None:
    description = describe_model(f"nnunet:{folder}")
    good = StructureRecord(n=40, dice_mean=0.95, dice_sd=0.01, dice_lowest=0.9, bias_pct=0.1)
    record = ValidationRecord(
        weights=description.name,
        sha256=description.sha256,
        view="sa",
        dataset="tests",
        observer="manual",
        engine="nnunetv2/fp32",
        n_subjects=20,
        n_seen=0,
        n_failed=0,
        structures=dict.fromkeys(("LV", "MYO", "RV"), good),
    )
    path = tmp_path / "record.json"
    path.write_text(record.model_dump_json())
    assert load(model_of(folder, validation=path), SegmentationOptions(), "sa", 1).description.validated
    (folder / "fold_0" / "checkpoint_final.pth").write_bytes(b"trained on")
    with pytest.raises(UserError, match="not of these weights"):
        load(model_of(folder, validation=path), SegmentationOptions(), "sa", 1)


BAD_FOLDERS: dict[str, tuple[dict[str, Any], str]] = {
    "unknown label": ({"labels": {"background": 0, "LV": 1, "scar": 2}}, "'scar' is not known"),
    "two of one": ({"labels": {"background": 0, "LV": 1, "LVC": 2}}, "'LVC' is a second LV"),
    "a view's half": (
        {"labels": {"background": 0, "LV": 1, "RV": 2}},
        "LV, RV are not the structures",
    ),
    "regions": ({"labels": {"background": 0, "LV": [1, 2]}}, r"'LV' stands for \[1, 2\]"),
    "first version": ({"labels": {"0": "background", "1": "LV"}}, "'0' stands for 'background'"),
    "no labels": ({"labels": {"background": 0}}, "labels none are not"),
    "labels of another kind": ({"labels": ["LV"]}, "no list of names"),
    "two channels": ({"channel_names": {"0": "cine", "1": "T2"}}, "takes 2 channels"),
}


@pytest.mark.parametrize("name", BAD_FOLDERS)
def test_a_folder_that_does_not_fit_is_refused(name: str, tmp_path: Path) -> None:
    facts, sentence = BAD_FOLDERS[name]
    weights = f"nnunet:{write_folder(tmp_path, **facts)}"
    with pytest.raises(UserError, match=sentence):
        describe_model(weights)


@pytest.mark.parametrize("missing", ["dataset.json", "plans.json", "fold_*/checkpoint_final.pth", "."])
def test_a_folder_that_is_incomplete_is_refused(missing: str, folder: Path) -> None:
    for path in folder.glob(missing) if missing != "." else []:
        path.unlink()
    named = folder if missing != "." else folder / "none"
    with pytest.raises(UserError, match=r"is missing|holds no fold|no such model folder") as refusal:
        describe_model(f"nnunet:{named}")
    assert str(named) in str(refusal.value)


@pytest.mark.parametrize("text", ["{", "[]", "\udcff"])
def test_a_file_that_is_damaged_is_refused(text: str, folder: Path) -> None:
    (folder / "plans.json").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(UserError, match=r"plans.json: (cannot be read|holds no facts)"):
        describe_model(f"nnunet:{folder}")


def test_the_fold_of_all_data_is_taken_where_there_is_no_other(folder: Path, nnunet: type[Predictor]) -> None:
    for fold in ("fold_0", "fold_1"):
        (folder / fold / "checkpoint_final.pth").unlink()
    (folder / "fold_all").mkdir()
    (folder / "fold_all" / "checkpoint_final.pth").write_bytes(b"all")
    load(model_of(folder), SegmentationOptions(), "sa", 1)
    assert nnunet.made[0].folds == ("all",)


PINS: list[tuple[dict[str, Any], str]] = [
    ({"engine": "openvino"}, "nnU-Net runs by torch"),
    ({"precision": "bf16"}, "nnU-Net computes in fp32, on a GPU in fp16, never in bf16"),
    ({"test_time_augmentation": "flips_and_turns"}, "mirrored images alone"),
    ({"test_time_augmentation": "rotations"}, "mirrored images alone"),
]


@pytest.mark.parametrize(("pin", "sentence"), PINS)
def test_what_it_cannot_do_is_said(
    pin: dict[str, Any], sentence: str, folder: Path, nnunet: type[Predictor]
) -> None:
    with pytest.raises(UserError, match=sentence):
        load(model_of(folder), SegmentationOptions(**pin), "sa", 1)


def test_a_missing_package_a_damaged_checkpoint_and_a_cascade_are_said(
    folder: Path, nnunet: type[Predictor], monkeypatch: pytest.MonkeyPatch
) -> None:
    class SecondStage(Predictor):
        def initialize_from_trained_model_folder(self, *folder: Any, **folds: Any) -> None:
            self.configuration_manager.previous_stage_name = "3d_lowres"

    module = sys.modules["nnunetv2.inference.predict_from_raw_data"]
    monkeypatch.setattr(module, "nnUNetPredictor", SecondStage)
    with pytest.raises(UserError, match="second stage of a cascade"):
        load(model_of(folder), SegmentationOptions(), "sa", 1)
    monkeypatch.setattr(module, "nnUNetPredictor", Predictor)
    (folder / "fold_1" / "checkpoint_final.pth").write_bytes(b"damaged")
    with pytest.raises(UserError, match=r"nnU-Net cannot load it \(RuntimeError"):
        load(model_of(folder), SegmentationOptions(), "sa", 1)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"nnunetv2 is not installed .*cinecohort\[nnunet\]"):
        load(model_of(folder), SegmentationOptions(), "sa", 1)


def test_it_is_no_member_no_second_network_and_nothing_to_train_on(folder: Path) -> None:
    weights = f"nnunet:{folder}"
    with pytest.raises(UserError, match="an ensemble of its own folds"):
        parse_options({"name": "two", "weights": ["unet16_sa", weights]}, ModelOptions, "the model")
    with pytest.raises(UserError, match="no second network"):
        parse_options({"second_network": weights}, SegmentationOptions, "segmentation")
    assert main(["model-card", weights]) == 1
