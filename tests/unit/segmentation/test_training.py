"""Training: same seed, same weights; killed and resumed, same weights; fine-tuning; splits; mistakes."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
import yaml
from pydantic import ValidationError

from cinecohort.commands import train as train_command
from cinecohort.errors import UserError
from cinecohort.findings import Outcome, Status
from cinecohort.images import read_image, write_image
from cinecohort.segmentation.descriptions import describe_model
from cinecohort.segmentation.recipes import NO_AUGMENTATION, RECIPES
from cinecohort.segmentation.training import learning_rate_factor, make_trainer, train
from cinecohort.segmentation.training_batches import visible_slices
from cinecohort.segmentation.training_data import find_subjects, load_slices, split_subjects
from cinecohort.segmentation.training_options import DataOptions, TrainingOptions
from cinecohort.segmentation.weights import load_model
from cinecohort.store import write_record


def options_for(cohort: Path, output: Path, **changes: object) -> TrainingOptions:
    values = {
        "name": "tiny",
        "output": output,
        "architecture": "unet16",
        "data": {"folders": [cohort], "validation": ["S3"]},
        "crop": 32,
        "iterations": 6,
        "batch_size": 2,
        "warm_up": 2,
        "validate_every": 3,
        "checkpoint_every": 2,
        "precision": "fp32",
        "device": "cpu",
        "dropout": 0.1,
        "threads": 1,
    }
    return TrainingOptions.model_validate({**values, **changes})


def tensors(path: Path) -> dict[str, torch.Tensor]:
    return safetensors.torch.load_file(path)


class Killed(Exception):
    """What a killed run sees."""


def test_killed_and_resumed_gives_the_same_weights_and_curve(labelled_cohort: Path, tmp_path: Path) -> None:
    whole = train(options_for(labelled_cohort, tmp_path / "whole"), report=lambda line: None)

    def kill(line: str) -> None:
        if "3 of 6" in line:
            raise Killed

    with pytest.raises(Killed):
        train(options_for(labelled_cohort, tmp_path / "killed"), report=kill)
    said: list[str] = []
    resumed = train(options_for(labelled_cohort, tmp_path / "killed"), report=said.append)
    assert any("resumed after 2 iterations" in line for line in said)
    first, second = tensors(whole), tensors(resumed)
    assert all(torch.equal(first[name], second[name]) for name in first)
    with (tmp_path / "whole" / "curve.csv").open() as one, (tmp_path / "killed" / "curve.csv").open() as two:
        rows, again = list(csv.reader(one)), list(csv.reader(two))
    assert [row[0] for row in rows] == ["iteration", "3", "6"]
    assert rows == again


def test_a_training_begun_anew_has_a_curve_of_its_own(labelled_cohort: Path, tmp_path: Path) -> None:
    train(options_for(labelled_cohort, tmp_path), report=lambda line: None)
    (tmp_path / "checkpoint.pt").unlink()
    train(options_for(labelled_cohort, tmp_path, validate_every=6, seed=99), report=lambda line: None)
    with (tmp_path / "curve.csv").open() as stream:
        assert [row[0] for row in csv.reader(stream)] == ["iteration", "6"]


def test_another_configuration_does_not_resume(labelled_cohort: Path, tmp_path: Path) -> None:
    train(options_for(labelled_cohort, tmp_path, iterations=2), report=lambda line: None)
    with pytest.raises(UserError, match="another configuration"):
        train(options_for(labelled_cohort, tmp_path, iterations=2, seed=5), report=lambda line: None)


def test_training_learns_the_rings(labelled_cohort: Path, tmp_path: Path) -> None:
    said: list[str] = []
    changes = {
        "iterations": 60,
        "batch_size": 4,
        "crop": 48,
        "validate_every": 60,
        "average": None,
        "dropout": 0.0,
        "random_crops": 0.0,
        "augmentation": NO_AUGMENTATION,
    }
    train(options_for(labelled_cohort, tmp_path, **changes), report=said.append)
    assert float(said[-1].split("LV ")[1].split(",")[0]) > 0.5


def test_fine_tuning_starts_from_weights_and_ignores_absent_structures(
    labelled_cohort: Path, tmp_path: Path
) -> None:
    start = train(options_for(labelled_cohort, tmp_path / "start", iterations=2), report=lambda line: None)
    cohort = tmp_path / "lv_only"
    for number in (0, 3):
        image = read_image(labelled_cohort / f"S{number}" / "sa.nii.gz")
        labels = read_image(labelled_cohort / f"S{number}" / "label_manual_sa.nii.gz")
        labels.data = np.where(labels.data == 1, 1, 0).astype(np.uint8)
        labels.sidecar = {"annotated": {"1": {"LV": [0, 2]}}}
        write_image(cohort / f"S{number}" / "sa.nii.gz", image)
        write_image(cohort / f"S{number}" / "label_manual_sa.nii.gz", labels)
    data = load_slices([cohort / "S0"], "manual", "sa")
    assert data.annotated.tolist() == [[True, True, False, False]] * 2
    tuned = train(
        options_for(cohort, tmp_path / "tuned", iterations=1, start_from=str(start), learning_rate=0.0),
        report=lambda line: None,
    )
    before, after = tensors(start), tensors(tuned)
    trained = [name for name in before if "running" not in name and "num_batches" not in name]
    assert all(torch.equal(before[name], after[name]) for name in trained)
    with pytest.raises(UserError, match="is unet16, which is not fcn16"):
        changes = {"start_from": str(start), "architecture": "fcn16"}
        train(options_for(cohort, tmp_path / "wrong", **changes), report=lambda line: None)


def test_fixed_statistics_are_those_of_the_start_and_are_used_in_training(
    labelled_cohort: Path, tmp_path: Path
) -> None:
    kept = {"fixed_statistics": True, "average": None, "dropout": 0.0}
    short, longer = (
        tensors(train(options_for(labelled_cohort, tmp_path / str(count), iterations=count, **kept), print))
        for count in (1, 4)
    )
    statistics = [name for name in short if "running" in name]
    assert statistics
    assert all(torch.equal(short[name], longer[name]) for name in statistics)
    assert any(not torch.equal(short[name], longer[name]) for name in short if name not in statistics)

    options = options_for(labelled_cohort, tmp_path, **kept)
    data = load_slices(find_subjects(options.data, "sa"), "manual", "sa")
    trainer = make_trainer(options, data)
    trainer.find_statistics(batches=3)
    trainer.step()
    in_training = [item.training for item in trainer.momenta]
    assert not any(in_training)


def test_splits_are_by_subject_seeded_and_leave_out_the_held_out(tmp_path: Path) -> None:
    folders = [tmp_path / f"S{number:02d}" for number in range(20)]
    options = DataOptions(folders=[tmp_path], validation=0.25, training=10)
    split = split_subjects(folders, options, seed=1)
    assert (len(split.training), len(split.validation), split.test) == (10, 5, [])
    assert not set(split.training) & set(split.validation)
    assert split_subjects(folders[::-1], options, seed=1) == split
    assert split_subjects(folders, options, seed=2) != split
    with_test = split_subjects(folders, options.model_copy(update={"test": 5, "validation": 5}), seed=1)
    parts = [with_test.training, with_test.validation, with_test.test]
    assert [len(part) for part in parts] == [10, 5, 5]
    assert len(set().union(*parts)) == 20
    with pytest.raises(UserError, match="16 subjects are asked for, 15 are left"):
        split_subjects(folders, options.model_copy(update={"training": 16}), seed=1)


def test_visits_of_a_participant_stay_together(tmp_path: Path) -> None:
    folders = []
    for person in range(10):
        for visit in (2, 3):
            folder = tmp_path / f"S{person}_{visit}"
            folder.mkdir()
            outcome = Outcome(Status.OK, values={"participant": f"S{person}"})
            write_record(folder, "convert", 1, "", outcome)
            folders.append(folder)
    for seed in range(5):
        split = split_subjects(folders, DataOptions(folders=[tmp_path], validation=4, test=4), seed)
        whose = [{folder.name[:2] for folder in part} for part in vars(split).values()]
        assert [len(part) for part in vars(split).values()] == [12, 4, 4]
        assert sum(len(people) for people in whose) == len(set().union(*whose)) == 10
    options = DataOptions(folders=[tmp_path], validation=["S1_2"], test=4)
    for seed in range(5):
        named = split_subjects(folders, options, seed)
        assert [folder.name for folder in named.validation] == ["S1_2", "S1_3"]
        assert len(named.test) == 4


def test_nobody_whom_the_start_saw_is_drawn_to_test(tmp_path: Path) -> None:
    folders = [tmp_path / f"S{number}" for number in range(10)]
    options = DataOptions(folders=[tmp_path], validation=2, test=3)
    known = [f"S{number}" for number in range(7)]
    for seed in range(5):
        split = split_subjects(folders, options, seed, known)
        assert [folder.name for folder in split.test] == ["S7", "S8", "S9"]
    with pytest.raises(UserError, match=r"data.test: 4 subjects are asked for, 3 can be drawn .* have seen"):
        split_subjects(folders, options.model_copy(update={"test": 4}), 1, known)


def test_a_record_that_was_edited_is_no_ground_for_a_split(tmp_path: Path) -> None:
    write_record(tmp_path / "S1", "convert", 1, "", Outcome(Status.OK, values={"participant": "S"}))
    record = tmp_path / "S1" / "convert.json"
    record.write_text(record.read_text().replace('"S"', '"T"'))
    with pytest.raises(UserError, match="damaged or was edited"):
        split_subjects([tmp_path / "S1"], DataOptions(folders=[tmp_path]), 1)


def test_held_out_means_every_visit(labelled_cohort: Path, tmp_path: Path) -> None:
    for name in ("S0", "S1", "S2"):
        copy = shutil.copytree(labelled_cohort / name, tmp_path / "cohort" / name)
        write_record(copy, "convert", 1, "", Outcome(Status.OK, values={"participant": name[:1]}))
    shutil.copytree(labelled_cohort / "S3", tmp_path / "cohort" / "T")
    # A visit that this observer did not label holds the others out too.
    (tmp_path / "cohort" / "S1" / "label_manual_sa.nii.gz").unlink()
    (tmp_path / "held_out.txt").write_text("S1")
    options = DataOptions(folders=[tmp_path / "cohort"], held_out=tmp_path / "held_out.txt")
    assert [folder.name for folder in find_subjects(options, "sa")] == ["T"]


def test_weights_know_whom_their_training_saw(labelled_cohort: Path, tmp_path: Path) -> None:
    data = {"folders": [labelled_cohort], "validation": ["S3"], "training": 1}
    first = train(options_for(labelled_cohort, tmp_path / "a", data=data, iterations=1), report=print)
    learnt = describe_model(str(first)).trained_on["any"]
    assert len(learnt) == 2
    data = {"folders": [labelled_cohort], "validation": []}
    changes = {"data": data, "iterations": 1, "start_from": str(first)}
    tuned = train(options_for(labelled_cohort, tmp_path / "b", **changes), report=print)
    assert describe_model(str(tuned)).trained_on == {"any": ["S0", "S1", "S2", "S3"]}
    changes |= {"data": {"folders": [labelled_cohort], "validation": ["S3"]}, "spacing_mm": 2.5}
    said: list[str] = []
    train(options_for(labelled_cohort, tmp_path / "c", **changes), report=said.append)
    assert "1 of 1 validation subjects took part in the training that it starts from" in said[0]
    assert "weights of spacing_mm 1.4 and goes on with 2.5" in said[0]


def test_several_starts_give_their_mean(labelled_cohort: Path, tmp_path: Path) -> None:
    starts = [
        str(train(options_for(labelled_cohort, tmp_path / str(seed), iterations=1, seed=seed), report=print))
        for seed in (1, 2)
    ]
    changes = {"start_from": starts, "iterations": 1, "learning_rate": 0.0}
    mean = tensors(train(options_for(labelled_cohort, tmp_path / "mean", **changes), report=print))
    one, two = (tensors(Path(start)) for start in starts)
    assert torch.allclose(mean["head.weight"], (one["head.weight"] + two["head.weight"]) / 2)
    other = train(options_for(labelled_cohort, tmp_path / "slim", architecture="unet_slim"), report=print)
    changes = {"start_from": [str(other), starts[0]], "architecture": "unet_slim"}
    with pytest.raises(UserError, match=r"differ in architecture \(unet_slim, unet16\)"):
        train(options_for(labelled_cohort, tmp_path / "no", **changes), report=print)
    changes = {"iterations": 1, "normalisation": "zscore_slice"}
    other = train(options_for(labelled_cohort, tmp_path / "scaled", **changes), report=print)
    with pytest.raises(UserError, match=r"differ in normalisation \(unit, zscore_slice\)"):
        changes = {"start_from": [starts[0], str(other)]}
        train(options_for(labelled_cohort, tmp_path / "no", **changes), report=print)


def test_a_short_training_is_tested_with_statistics_of_its_own(labelled_cohort: Path, tmp_path: Path) -> None:
    changes = {"architecture": "fcn16", "iterations": 3, "average": None, "learning_rate": 0.0}
    options = options_for(labelled_cohort, tmp_path, **changes)
    data = load_slices([labelled_cohort / "S0"], "manual", "sa")
    trainer = make_trainer(options, data)
    first = next(item for item in trainer.network.modules() if isinstance(item, torch.nn.BatchNorm2d))
    means = []
    first.register_forward_pre_hook(lambda module, values: means.append(values[0].mean(dim=(0, 2, 3))))
    for _ in range(3):
        trainer.step()
    assert torch.allclose(first.running_mean, torch.stack(means).mean(dim=0), atol=1e-5)
    trainer.iteration = 1000
    trainer.step()
    assert first.momentum == 0.01


def test_held_out_subjects_are_never_read(labelled_cohort: Path, tmp_path: Path) -> None:
    held_out = tmp_path / "held_out.txt"
    held_out.write_text("S0\nS1\n")
    data = {"folders": [labelled_cohort], "validation": ["S3"], "held_out": held_out}
    train(options_for(labelled_cohort, tmp_path, data=data, iterations=1), report=lambda line: None)
    with (tmp_path / "split.csv").open() as stream:
        assert list(csv.reader(stream)) == [["subject", "part"], ["S2", "training"], ["S3", "validation"]]


def test_labels_of_another_coding_are_refused(labelled_cohort: Path, tmp_path: Path) -> None:
    image = read_image(labelled_cohort / "S0" / "sa.nii.gz")
    labels = read_image(labelled_cohort / "S0" / "label_manual_sa.nii.gz")
    labels.data = np.where(labels.data == 3, 4, labels.data).astype(np.uint8)
    write_image(tmp_path / "S0" / "sa.nii.gz", image)
    write_image(tmp_path / "S0" / "label_manual_sa.nii.gz", labels)
    with pytest.raises(UserError, match="label 4"):
        load_slices([tmp_path / "S0"], "manual", "sa")


def test_recipes_are_the_papers() -> None:
    common = {"name": "x", "output": "x", "data": {"folders": ["x"]}}
    bai = TrainingOptions.model_validate({**common, "recipe": "bai"})
    assert (bai.architecture, bai.crop, bai.batch_size, bai.iterations) == ("fcn16", 192, 20, 50_000)
    assert (bai.optimiser, bai.learning_rate, bai.spacing_mm, bai.normalisation) == (
        "adam",
        1e-3,
        None,
        "unit",
    )
    assert bai.augmentation.rotation_deg == 10
    assert bai.augmentation.flip == 0
    chen = TrainingOptions.model_validate({**common, "recipe": "chen", "augmentation": {"flip": 0.0}})
    assert (chen.architecture, chen.spacing_mm, chen.crop, chen.dropout) == ("unet64", 1.25, 256, 0.2)
    assert (chen.optimiser, chen.epochs, chen.select) == ("sgd", 1000, "best_iou")
    assert chen.augmentation.scale == (0.7, 1.4)
    assert chen.augmentation.flip == 0
    assert learning_rate_factor(chen, iteration=1049, iterations_per_epoch=10) == 0.25
    shorter = TrainingOptions.model_validate({**common, "recipe": "chen", "iterations": 7})
    assert shorter.iterations_for(slices=100) == 7
    assert (chen.iterations_for(100), chen.validate_every_for(100)) == (5000, 5)
    assert set(RECIPES) == {"cinecohort", "bai", "chen"}
    with pytest.raises(ValidationError, match="a third"):
        TrainingOptions.model_validate({**common, "recipe": "bai", "augmentation": {"scale": [1.0, 1.0]}})


def test_command_names_every_mistake(tmp_path: Path) -> None:
    config = tmp_path / "train.yaml"
    config.write_text(yaml.safe_dump({"name": "x", "output": "x", "data": {"folders": []}, "crops": 3}))
    arguments = type("Arguments", (), {"config": config})
    with pytest.raises(UserError, match="crops"):
        train_command.run(arguments)  # type: ignore[arg-type]
    config.write_text(yaml.safe_dump({"name": "x", "output": "x", "data": {"folders": [str(tmp_path)]}}))
    with pytest.raises(UserError, match="no subject"):
        train_command.run(arguments)  # type: ignore[arg-type]


def test_a_network_that_sees_neighbours_starts_from_one_that_does_not(
    labelled_cohort: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    alone, description = load_model(str(tiny_weights))
    options = options_for(labelled_cohort, tmp_path, neighbours=1, start_from=str(tiny_weights))
    data = load_slices([labelled_cohort / "S0"], "manual", "sa", neighbours=1)
    widened = make_trainer(options, data).network.eval()
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(widened(images), alone.eval()(images[:, 1:2]), atol=1e-5)
    assert description.neighbours == 0


def test_neighbours_are_those_of_the_same_stack(labelled_cohort: Path) -> None:
    data = load_slices([labelled_cohort / "S0", labelled_cohort / "S1"], "manual", "sa", neighbours=1)
    assert data.neighbours[:3].tolist() == [[0, 0, 1], [0, 1, 2], [1, 2, 2]]
    assert data.neighbours[3].tolist() == [3, 3, 4]


def test_order_of_neighbours_is_drawn_and_the_slice_stays_in_the_middle() -> None:
    neighbours = torch.tensor([[3, 4, 5]]).repeat(400, 1)
    seen = visible_slices(neighbours, 0.25, torch.Generator().manual_seed(1))
    assert (seen[:, 1] == 4).all()
    kinds, counts = torch.unique(seen, dim=0, return_counts=True)
    assert kinds.tolist() == [[3, 4, 5], [4, 4, 4], [5, 4, 3]]
    assert counts[1] == pytest.approx(100, abs=25)


def test_weights_that_see_more_neighbours_than_wanted_are_refused(
    labelled_cohort: Path, tmp_path: Path
) -> None:
    weights = train(options_for(labelled_cohort, tmp_path / "wide", neighbours=1), report=lambda line: None)
    assert load_model(str(weights))[1].neighbours == 1
    with pytest.raises(UserError, match="neighbours"):
        train(options_for(labelled_cohort, tmp_path / "narrow", start_from=str(weights)))


def test_weights_of_another_view_give_all_but_the_head(
    labelled_cohort: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    options = options_for(labelled_cohort, tmp_path, start_from=str(tiny_weights), view="la_4ch")
    data = load_slices([labelled_cohort / "S0"], "manual", "sa")
    started = make_trainer(options, data).network.state_dict()
    given = load_model(str(tiny_weights))[0].state_dict()
    same = {name for name in given if torch.equal(given[name], started[name])}
    assert given.keys() - same == {"head.weight", "head.bias"}
