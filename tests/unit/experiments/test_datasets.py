"""Datasets in one shape: observers, held-out subjects, those without labels."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cinecohort.errors import UserError
from cinecohort.experiments.datasets import (
    participants,
    prepare_dataset,
    read_parts,
    subject_folder,
    subjects_to_test,
    training_subjects,
)
from cinecohort.experiments.options import ExperimentOptions
from cinecohort.findings import Outcome, Status
from cinecohort.images import Image, read_image, write_image
from cinecohort.store import write_record
from support.tiny_experiments import values_for


def write_converted(folder: Path, observer: str, labelled: bool = True) -> None:
    intensity = np.arange(8 * 8 * 2 * 2, dtype=np.int16).reshape(8, 8, 2, 2)
    image = Image(intensity, np.diag([2.0, 2.0, 8.0, 1.0]), 0.03, {"view": "sa"})
    write_image(folder / "sa.nii.gz", image)
    if labelled:
        write_image(
            folder / f"label_{observer}_sa.nii.gz", Image(np.ones((8, 8, 2, 2), np.uint8), image.affine)
        )


def options_for(folder: Path, **dataset: object) -> ExperimentOptions:
    values = values_for(folder, tables={}, panels={}, rows={"base": {"trained_on": ["mine"]}})
    return ExperimentOptions.model_validate({**values, "datasets": {"mine": dataset}})


def test_raw_data_are_converted_and_split(raw: Path, tmp_path: Path) -> None:
    options = ExperimentOptions.model_validate(values_for(raw, results=tmp_path))
    prepare_dataset(options, "home")
    assert subjects_to_test(options, "home") == ["patient001"]
    assert training_subjects(options, "home") == [f"patient{number:03d}" for number in range(2, 7)]
    prepare_dataset(options, "away")
    # Nobody is held out: all are tested, by networks that have not seen them.
    assert subjects_to_test(options, "away") == training_subjects(options, "away")


def test_the_observers_labels_go_by_one_name_and_who_has_none_is_listed(tmp_path: Path) -> None:
    for name in ("A", "B", "C"):
        write_converted(tmp_path / "data" / name, "truth", labelled=name != "B")
    options = options_for(tmp_path, path=tmp_path / "data", observer="truth", held_out=1)
    prepare_dataset(options, "mine")
    prepare_dataset(options, "mine")
    parts = read_parts(options, "mine")
    assert parts["B"] == "no_labels"
    assert sorted(parts[name] for name in "AC") == ["held_out", "train"]
    folder = subject_folder(options, "mine", "A")
    assert read_image(folder / "label_manual_sa.nii.gz").data.all()
    assert read_image(folder / "sa.nii.gz").sidecar == {"view": "sa"}
    assert not subject_folder(options, "mine", "B").exists()


def test_mistakes(tmp_path: Path) -> None:
    write_converted(tmp_path / "data" / "A", "truth")
    (tmp_path / "latin.txt").write_text("José", encoding="latin-1")
    for dataset, words in (
        ({"path": tmp_path / "none"}, "no such folder"),
        ({"path": tmp_path / "data"}, "no subject of"),
        ({"path": tmp_path / "data", "observer": "truth", "held_out": ["Z"]}, "Z are not among"),
        ({"path": tmp_path / "data", "observer": "truth", "held_out": 1}, "cannot hold out 1 of 1"),
        ({"path": tmp_path / "data", "observer": "truth", "held_out": tmp_path / "l.txt"}, "no such file"),
        ({"path": tmp_path / "data", "observer": "truth", "held_out": tmp_path / "latin.txt"}, "not text in"),
    ):
        with pytest.raises(UserError, match=words):
            prepare_dataset(options_for(tmp_path, **dataset), "mine")


def swapped(folder: Path) -> None:
    path = folder / "label_manual_sa.nii.gz"
    labels = read_image(path)
    labels.data = np.array([0, 3, 2, 1], np.uint8)[labels.data.astype(np.uint8)]
    write_image(path, labels)


def moved(folder: Path) -> None:
    path = folder / "label_manual_sa.nii.gz"
    labels = read_image(path)
    labels.affine = labels.affine.copy()
    labels.affine[0, 3] += 40
    write_image(path, labels)


def cut(folder: Path) -> None:
    path = folder / "label_manual_sa.nii.gz"
    labels = read_image(path)
    write_image(path, Image(labels.data[..., :1], labels.affine))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (swapped, "recode it to 1 LV, 2 myocardium, 3 RV"),
        (moved, "lies elsewhere in space than its image"),
        (cut, "its image"),
    ],
)
def test_labels_that_do_not_fit_are_reported_before_anything_is_trained(
    finished: ExperimentOptions, tmp_path: Path, change: Callable[[Path], None], words: str
) -> None:
    for name in ("patient002", "patient003"):
        copy = tmp_path / "data" / name
        shutil.copytree(finished.results / "datasets" / "home" / "subjects" / name, copy)
    change(tmp_path / "data" / "patient003")
    with pytest.raises(UserError, match=f"dataset mine, subject patient003: .*{words}"):
        prepare_dataset(options_for(tmp_path, path=tmp_path / "data"), "mine")


def test_visits_are_held_out_together(tmp_path: Path) -> None:
    for subject in ("A_2", "A_3", "B_2", "B_3"):
        folder = tmp_path / "data" / subject
        write_converted(folder, "truth")
        write_record(folder, "convert", 1, "", Outcome(Status.OK, values={"participant": subject[0]}))
    dataset = {"path": tmp_path / "data", "observer": "truth"}
    options = options_for(tmp_path, **dataset, held_out=["A_3"])
    prepare_dataset(options, "mine")
    assert subjects_to_test(options, "mine") == ["A_2", "A_3"]
    assert participants(options, "mine")["B_3"] == "B"
    with pytest.raises(UserError, match=r"hold out 3 of 4 subjects \(of 2 participants\)"):
        prepare_dataset(options_for(tmp_path, **dataset, held_out=3), "mine")
    list_of_parts = options.results / "datasets" / "mine" / "subjects.csv"
    list_of_parts.write_text("subject,part\nA_2,train\n")
    with pytest.raises(UserError, match="prepare the dataset again"):
        participants(options, "mine")


def test_only_the_subjects_that_are_listed_are_used(tmp_path):
    for name in ("A", "B", "C"):
        write_converted(tmp_path / "data" / name, "manual")
    listed = tmp_path / "vendor.txt"
    listed.write_text("A\nC\n")
    for subjects in (["A", "C"], str(listed)):
        options = options_for(tmp_path, path=str(tmp_path / "data"), subjects=subjects)
        prepare_dataset(options, "mine")
        assert read_parts(options, "mine") == {"A": "train", "C": "train"}


def test_a_listed_subject_that_is_not_there_is_named(tmp_path):
    write_converted(tmp_path / "data" / "A", "manual")
    options = options_for(tmp_path, path=str(tmp_path / "data"), subjects=["A", "X"])
    with pytest.raises(UserError, match="holds no X; correct `subjects`"):
        prepare_dataset(options, "mine")
