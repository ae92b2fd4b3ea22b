"""A network tested on labelled subjects: the record by hand, its bars, and what it lifts."""

from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from cinecohort.analyses.network_validation import Sizes, add_frames
from cinecohort.cli import main
from cinecohort.errors import UserError
from cinecohort.files import read_json, write_json
from cinecohort.images import Image, write_image
from cinecohort.label_maps import segmentation_map
from cinecohort.segmentation.descriptions import describe_model
from cinecohort.segmentation.options import ModelOptions, SegmentationOptions
from cinecohort.segmentation.prediction import load
from cinecohort.segmentation.validation_records import (
    LEAST_DICE,
    StructureRecord,
    ValidationBars,
    failures_of,
    read_record,
)
from support.tiny_weights import write_weights

AFFINE = np.diag([1.4, 1.4, 8.0, 1.0])
GOOD = StructureRecord(n=40, dice_mean=0.95, dice_sd=0.02, dice_lowest=0.8, bias_pct=1.0)


def squares(half: int, shift: int = 0) -> np.ndarray:
    data = np.zeros((32, 32, 3, 2), dtype=np.uint8)
    data[16 - half + shift : 16 + half + shift, 16 - half : 16 + half] = 1
    return data


def test_dice_and_size_by_hand() -> None:
    sizes = {"LV": Sizes()}
    ours, truth = (segmentation_map(Image(data, AFFINE), "sa") for data in (squares(4, 2), squares(4)))
    assert add_frames(sizes, ours, truth)
    found = sizes["LV"].record()
    assert (found.n, found.dice_mean, found.bias_pct) == (2, pytest.approx(0.75), pytest.approx(0.0))
    sizes = {"LV": Sizes()}
    add_frames(sizes, segmentation_map(Image(squares(5), AFFINE), "sa"), truth)
    assert sizes["LV"].record().bias_pct == pytest.approx(100 * (100 / 64 - 1))


def test_every_bar_fails_with_its_sentence() -> None:
    assert failures_of(40, 0, {"LV": GOOD}) == []
    low = GOOD.model_copy(update={"dice_mean": LEAST_DICE["RV"] - 0.01})
    biased = GOOD.model_copy(update={"bias_pct": -11.0})
    failures = failures_of(19, 3, {"LV": biased, "RV": low})
    assert len(failures) == 4
    for words in ("19 subjects", "3 of 22", "LV: its size differs by -11.0 %", "RV: mean Dice 0.810"):
        assert any(words in failure for failure in failures)


def test_bars_can_be_raised_and_not_lowered(tmp_path: Path) -> None:
    assert failures_of(20, 0, {"LV": GOOD}, bars=ValidationBars(least_dice={"LV": 0.96}))
    raised = ValidationBars(least_dice={"LV": 0.9}, fewest_subjects=30)
    assert raised.least_dice["RV"] == LEAST_DICE["RV"]
    assert failures_of(29, 0, {"LV": GOOD}, bars=raised) == [
        "29 subjects were compared, at least 30 are needed"
    ]
    for lower in (
        {"least_dice": {"LV": 0.8}},
        {"largest_bias_pct": 12},
        {"fewest_subjects": 5},
        {"least_dice": {"VL": 0.9}},
    ):
        with pytest.raises(ValidationError):
            ValidationBars.model_validate(lower)


def test_a_structure_that_nobody_drew_is_not_validated() -> None:
    (failure,) = failures_of(40, 0, {"LV": GOOD}, ["RV"])
    assert failure.startswith("RV: the network segments it and nobody drew it")


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return write_weights(tmp_path / "tiny.safetensors", seed=3)


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    for name in ("S1", "S2"):
        folder = tmp_path / "labelled" / name
        folder.mkdir(parents=True)
        image = random.normal(100, 20, (48, 48, 3, 2)).astype(np.float32)
        labels = np.zeros((48, 48, 3, 2), dtype=np.uint8)
        labels[14:34, 14:34] = 2
        labels[18:30, 18:30] = 1
        labels[34:42, 16:32] = 3
        write_image(folder / "sa.nii.gz", Image(image, AFFINE))
        write_image(folder / "label_manual_sa.nii.gz", Image(labels, AFFINE))
    return tmp_path / "labelled"


def test_the_command_writes_a_record_beside_nothing_else(
    weights: Path, dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(path.name for path in dataset.rglob("*"))
    record = tmp_path / "record.json"
    assert main(["validate", str(weights), str(dataset), "--out", str(record)]) == 0
    found = read_record(record)
    assert found.sha256 == describe_model(str(weights)).sha256
    assert (found.n_subjects, found.n_seen, found.n_failed) == (2, 0, 0)
    assert found.structures.keys() == {"LV", "MYO", "RV"} and found.structures["LV"].n == 4
    assert "2 subjects were compared" in found.failures[0]
    assert "not passed" in capsys.readouterr().out
    printed = (tmp_path / "printed" / "record.csv").read_text().splitlines()
    lv = found.structures["LV"]
    assert printed[1].startswith(
        f"LV cavity,4,{lv.dice_mean:.3f} ({lv.dice_sd:.3f}),{lv.dice_lowest:.3f},0.87,"
    )
    assert "2 subjects were compared" in (tmp_path / "printed" / "record.md").read_text()
    assert sorted(path.name for path in dataset.rglob("*")) == before


def test_the_command_takes_bars_and_says_what_is_no_data_set(
    weights: Path, dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record, bars = tmp_path / "record.json", tmp_path / "bars.yaml"
    bars.write_text("fewest_subjects: 50\nleast_dice: {RV: 0.9}\n")
    command = ["validate", str(weights), str(dataset), "--out", str(record), "--bars", str(bars)]
    assert main(command) == 0
    stated = read_record(record).bars
    assert (stated["fewest subjects"], stated["least mean Dice, RV"]) == (50, 0.9)
    assert stated["least mean Dice, LV"] == LEAST_DICE["LV"]
    bars.write_text("fewest_subjects: 5\n")
    assert main(command) == 1
    assert "bars.yaml" in capsys.readouterr().err
    assert main(["validate", str(weights), str(tmp_path), "--out", str(record)]) == 1
    assert "convert the data set" in capsys.readouterr().err


def test_subjects_of_the_training_are_left_out(
    weights: Path, dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    description = weights.with_suffix(".json")
    write_json(description, {**read_json(description), "trained_on": {"any": ["S1"]}})
    record = tmp_path / "record.json"
    assert main(["validate", str(weights), str(dataset), "--out", str(record)]) == 0
    assert (read_record(record).n_subjects, read_record(record).n_seen) == (1, 1)
    write_json(description, {**read_json(description), "trained_on": {"any": ["S1", "S2"]}})
    assert main(["validate", str(weights), str(dataset), "--out", str(record)]) == 1
    assert "saw all of them" in capsys.readouterr().err


def test_a_passed_record_of_these_weights_lifts_the_mark_and_no_other_does(
    weights: Path, dataset: Path, tmp_path: Path
) -> None:
    record = tmp_path / "record.json"
    main(["validate", str(weights), str(dataset), "--out", str(record)])
    options = SegmentationOptions(engine="torch", precision="fp32")

    def loaded(validation: Path | None, file: Path = weights) -> bool:
        model = ModelOptions(name="tiny", weights=str(file), validation=validation)
        return load(model, options, "sa", 1).description.validated

    assert not loaded(None)
    with pytest.raises(UserError, match="did not pass: 2 subjects"):
        loaded(record)
    write_json(record, {**read_json(record), "failures": []})
    assert loaded(record)
    with pytest.raises(UserError, match="not of these weights"):
        loaded(record, write_weights(tmp_path / "other.safetensors", seed=4))
    record.write_text("nothing")
    with pytest.raises(UserError, match="cannot be read as a record of validation"):
        loaded(record)
