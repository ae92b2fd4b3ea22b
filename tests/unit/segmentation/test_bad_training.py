"""Mistakes in a training's data and settings: one sentence, and nothing learnt from what is wrong."""

import shutil
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
import yaml

from cinecohort.cli import main
from cinecohort.errors import UserError
from cinecohort.files import read_json, write_json
from cinecohort.images import Image, read_image, write_image
from cinecohort.segmentation.labelled_subjects import read_labelled
from cinecohort.segmentation.training_data import find_subjects, load_slices, split_subjects
from cinecohort.segmentation.training_options import DataOptions, TrainingOptions


def subject(folder: Path, source: Path) -> Path:
    """Plain NIfTI copy of a subject, without sidecars."""
    folder.mkdir(parents=True)
    for name in ("sa.nii.gz", "label_manual_sa.nii.gz"):
        image = read_image(source / name)
        nib.save(nib.Nifti1Image(image.data, image.affine), folder / name)
    return folder


def changed_labels(folder: Path, change: str) -> None:
    path = folder / "label_manual_sa.nii.gz"
    labels = read_image(path)
    data, affine = labels.data, labels.affine
    if change == "swapped":
        data = np.array([0, 3, 2, 1], np.uint8)[data]
    elif change == "fractions":
        data = (data * 0.6).astype(np.float32)
    elif change == "nan":
        data = np.where(data == 3, np.nan, data).astype(np.float32)
    elif change == "negative":
        data = np.where(data == 3, -1, data.astype(np.int16))
    elif change == "moved":
        affine = affine.copy()
        affine[0, 3] += 20
    elif change == "mirrored":
        data, affine = data[::-1], affine @ np.diag([-1.0, 1, 1, 1])
    nib.save(nib.Nifti1Image(data, affine), path)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("swapped", "the myocardium surrounds label 3"),
        ("fractions", "not whole numbers"),
        ("nan", "not whole numbers"),
        ("negative", "has label -1"),
        ("moved", "lies elsewhere in space"),
        ("mirrored", "lies elsewhere in space"),
    ],
)
def test_labels_that_would_be_learnt_wrong_are_refused(
    labelled_cohort: Path, tmp_path: Path, change: str, sentence: str
) -> None:
    folder = subject(tmp_path / "A", labelled_cohort / "S0")
    read = read_labelled(folder, "manual", "sa")
    assert read.frames == [0, 1]
    changed_labels(folder, change)
    with pytest.raises(UserError, match=rf"A/label_manual_sa\.nii\.gz: .*{sentence}"):
        read_labelled(folder, "manual", "sa")


def test_a_frame_that_nobody_labelled_is_not_background(labelled_cohort: Path, tmp_path: Path) -> None:
    folder = subject(tmp_path / "A", labelled_cohort / "S0")
    path = folder / "label_manual_sa.nii.gz"
    labels = read_image(path)
    labels.data[..., 1] = 0
    labels.data[..., 0][labels.data[..., 0] == 3] = 0
    write_image(path, labels)
    read = read_labelled(folder, "manual", "sa")
    assert read.frames == [0]
    assert read.annotated[0].tolist() == [[True, True, True, False]] * 3
    assert len(load_slices([folder], "manual", "sa")) == 3


def test_an_image_that_is_blank_where_it_was_annotated_is_refused(
    labelled_cohort: Path, tmp_path: Path
) -> None:
    folder = subject(tmp_path / "A", labelled_cohort / "S0")
    image = read_image(folder / "sa.nii.gz")
    image.data[..., 1] = 7
    write_image(folder / "sa.nii.gz", image)
    with pytest.raises(UserError, match=r"A/sa\.nii\.gz: is one value everywhere in annotated frames \(1\)"):
        read_labelled(folder, "manual", "sa")


def test_a_sidecar_that_does_not_fit_is_said_so(labelled_cohort: Path, tmp_path: Path) -> None:
    folder = subject(tmp_path / "A", labelled_cohort / "S0")
    (folder / "label_manual_sa.json").write_text('{"annotated": {"7": {"LV": [0]}}}')
    with pytest.raises(UserError, match="`annotated` of its sidecar does not fit"):
        read_labelled(folder, "manual", "sa")


def test_subjects_without_any_label_are_named(labelled_cohort: Path, tmp_path: Path) -> None:
    folders = [subject(tmp_path / name, labelled_cohort / "S0") for name in ("A", "B")]
    labels = read_image(folders[1] / "label_manual_sa.nii.gz")
    labels.data[:] = 0
    write_image(folders[1] / "label_manual_sa.nii.gz", labels)
    assert load_slices(folders, "manual", "sa").without_labels == ("B",)
    with pytest.raises(UserError, match="manual labelled nothing in sa"):
        load_slices(folders[1:], "manual", "sa")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"folders": ["{cohort}", "{tmp}/nowhere"]}, "nowhere: no subject with"),
        ({"folders": ["{cohort}", "{cohort}/."]}, "names a folder twice"),
        ({"held_out": "S0 S77"}, "S77: no such subject"),
        ({"held_out": "S0 S1 S2 S3"}, "holds out every labelled subject"),
        ({"held_out": b"\xff\xfeS"}, "not text in UTF-8"),
        ({"validation": ["S9"]}, "S9 not among the labelled subjects"),
        ({"held_out": "S1", "validation": ["S1"]}, "S1 not among the labelled subjects"),
        ({"validation": 9}, "no subject is left to train on"),
    ],
)
def test_lists_of_subjects_that_do_not_fit(
    labelled_cohort: Path, tmp_path: Path, changes: dict[str, Any], sentence: str
) -> None:
    places = {"cohort": labelled_cohort, "tmp": tmp_path}
    values = {"folders": ["{cohort}"], **changes}
    values["folders"] = [each.format(**places) for each in values["folders"]]
    if "held_out" in values:
        names = values["held_out"]
        (tmp_path / "held_out.txt").write_bytes(names if isinstance(names, bytes) else names.encode())
        values["held_out"] = tmp_path / "held_out.txt"
    options = DataOptions.model_validate(values)
    with pytest.raises(UserError, match=sentence):
        split_subjects(find_subjects(options, "sa"), options, seed=1)


def configuration(folder: Path, cohort: Path, **changes: Any) -> Path:
    values = {
        "name": "tiny",
        "output": str(folder / "run"),
        "architecture": "unet16",
        "data": {"folders": [str(cohort)], "validation": ["S3"], "training": 1},
        **{"crop": 16, "iterations": 1, "batch_size": 2, "checkpoint_every": 1, "warm_up": 0},
        **{"precision": "fp32", "device": "cpu", "threads": 1, **changes},
    }
    path = folder / "run.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"iterations": 0}, "iterations"),
        ({"batch_size": 0}, "batch_size"),
        ({"crop": 0}, "crop"),
        ({"crop": 30}, "crop"),
        ({"crop": 16, "batch_size": 1}, "(top level)"),
        ({"validate_every": 0}, "validate_every"),
        ({"spacing_mm": 0}, "spacing_mm"),
        ({"spacing_mm": float("nan")}, "spacing_mm"),
        ({"neighbours": -1}, "neighbours"),
        ({"learning_rate": -1}, "learning_rate"),
        ({"average": 1.5}, "average"),
        ({"threads": 0}, "threads"),
        ({"seed": -1}, "seed"),
        ({"name": "a/b"}, "name"),
        ({"architecture": "unet17"}, "architecture"),
        ({"recipe": ["bai"]}, "recipe"),
        ({"augmentation": {"scale": [2, 1]}}, "augmentation"),
        ({"augmentation": {"contrast_factor": [0, 1]}}, "augmentation.contrast_factor"),
        ({"data": {"folders": []}}, "data.folders"),
        ({"data": {"folders": ["x"], "validation": -1}}, "data.validation.constrained-int"),
    ],
)
def test_settings_out_of_range_are_named(
    tmp_path: Path, changes: dict[str, Any], key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", str(configuration(tmp_path, tmp_path, **changes))]) == 1
    assert f"  {key}: " in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"\xff\xfea\x00", b"- a\n", b"5\n", b"a:\n\tb: 1\n"])
def test_a_file_that_is_no_configuration(
    tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "c.yaml").write_bytes(content)
    for command in (["train"], ["experiments", "--curves"]):
        assert main([*command, str(tmp_path / "c.yaml")]) == 1
        assert "c.yaml: " in capsys.readouterr().err


def test_without_validation_the_last_weights_are_kept(labelled_cohort: Path, tmp_path: Path) -> None:
    data = {"folders": [str(labelled_cohort)], "validation": [], "training": 1}
    assert main(["train", str(configuration(tmp_path, labelled_cohort, select="best_iou", data=data))]) == 0
    assert (tmp_path / "run" / "tiny.safetensors").is_file()


def test_bad_validation_labels_stop_a_training_before_it_begins(
    labelled_cohort: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("S2", "S3"):
        subject(tmp_path / "data" / name, labelled_cohort / name)
    changed_labels(tmp_path / "data" / "S3", "swapped")
    assert main(["train", str(configuration(tmp_path, tmp_path / "data"))]) == 1
    said = capsys.readouterr()
    assert "S3/label_manual_sa.nii.gz: the myocardium surrounds label 3" in said.err
    assert "1 of 1" not in said.out


def test_a_loss_that_is_not_finite_ends_the_training(
    labelled_cohort: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = configuration(tmp_path, labelled_cohort, optimiser="sgd", learning_rate=1e30, iterations=6)
    assert main(["train", str(config)]) == 1
    assert "lower the learning rate" in capsys.readouterr().err


def test_what_cannot_be_resumed_is_said_so(
    labelled_cohort: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    for name in ("S2", "S3"):
        subject(data / name, labelled_cohort / name)
    config = configuration(tmp_path, data)
    assert main(["train", str(config)]) == 0
    split = (tmp_path / "run" / "split.csv").read_bytes()
    (data / "S2").rename(data / "S1")
    assert main(["train", str(config)]) == 1
    assert "the run began with other subjects" in capsys.readouterr().err
    assert (tmp_path / "run" / "split.csv").read_bytes() == split
    checkpoint = tmp_path / "run" / "checkpoint.pt"
    for damage in ("cut", "empty", "other"):
        if damage == "other":
            torch.save([1], checkpoint)
        else:
            checkpoint.write_bytes(checkpoint.read_bytes()[:1000] if damage == "cut" else b"")
        assert main(["train", str(config)]) == 1
        assert "is damaged or no checkpoint" in capsys.readouterr().err


def test_paths_of_a_training_are_filled_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORK", str(tmp_path))
    data = {"folders": ["$WORK/images"], "held_out": "$WORK/held_out.txt"}
    options = TrainingOptions.model_validate({"name": "tiny", "output": "$WORK/run", "data": data})
    assert options.output == tmp_path / "run"
    assert options.data.folders == [tmp_path / "images"]
    assert options.data.held_out == tmp_path / "held_out.txt"


def test_weights_of_an_unknown_network_to_start_from_are_named(
    tmp_path: Path, labelled_cohort: Path, tiny_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = tmp_path / "unknown.safetensors"
    weights.write_bytes(tiny_weights.read_bytes())
    description = {**read_json(tiny_weights.with_suffix(".json")), "architecture": "unet128"}
    write_json(weights.with_suffix(".json"), description)
    assert main(["train", str(configuration(tmp_path, labelled_cohort, start_from=str(weights)))]) == 1
    assert "there is no network 'unet128'; those that can be used are" in capsys.readouterr().err


def test_subjects_without_labels_are_not_counted(labelled_cohort: Path, tmp_path: Path) -> None:
    cohort = tmp_path / "cohort"
    shutil.copytree(labelled_cohort, cohort)
    for path in (cohort / "S0").glob("label_*_sa.nii.gz"):
        image = read_image(path)
        write_image(path, Image(image.data * 0, image.affine, sidecar={}))
    changes = {"data": {"folders": [str(cohort)], "validation": ["S3"]}}
    assert main(["train", str(configuration(tmp_path, cohort, **changes))]) == 0
    split = (tmp_path / "run" / "split.csv").read_text()
    description = read_json(tmp_path / "run" / "tiny.json")
    assert description["training_subjects"] == split.count(",training") - 1
