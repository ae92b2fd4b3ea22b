"""The commands, from arguments to exit code."""

import shutil
from pathlib import Path

import pytest

from cinecohort.cli import main
from cinecohort.images import read_image
from cinecohort.segmentation.descriptions import shipped_models

FAST = ["--engine", "torch", "--precision", "fp32", "--threads", "1"]


def test_segment_a_folder_of_subjects(
    labelled_cohort: Path, tiny_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("S0", "S1"):
        (tmp_path / name).mkdir()
        shutil.copy(labelled_cohort / name / "sa.nii.gz", tmp_path / name)
    (tmp_path / "S2").mkdir()
    (tmp_path / "S2" / "sa.nii.gz").write_bytes(b"not an image")
    assert main(["segment", str(tmp_path), "--model", str(tiny_weights), *FAST]) == 0
    assert (tmp_path / "S1" / "seg_sa.nii.gz").is_file()
    said = capsys.readouterr()
    assert "2 of 3 subjects segmented" in said.out
    assert "S2: UNREADABLE" in said.err
    arguments = ["segment", str(tmp_path / "S0"), "--model", str(tiny_weights), "--name", "again", *FAST]
    assert main(arguments) == 0
    assert (tmp_path / "S0" / "seg_again_sa.nii.gz").is_file()


def test_a_subject_without_an_image_is_named_and_nobody_counts_twice(
    labelled_cohort: Path, tiny_weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("S0", "S1", "long_axis_only", ".hidden"):
        (tmp_path / name).mkdir()
    for name in ("S0", "S1"):
        shutil.copy(labelled_cohort / name / "sa.nii.gz", tmp_path / name)
    (tmp_path / "long_axis_only" / "la_2ch.nii.gz").touch()
    folders = [str(tmp_path), str(tmp_path / "S0"), f"{tmp_path}/S1/../S1"]
    assert main(["segment", *folders, "--model", str(tiny_weights), *FAST]) == 0
    said = capsys.readouterr()
    assert "2 of 3 subjects segmented" in said.out
    assert said.err.count("NO_IMAGE") == 1
    assert "long_axis_only: NO_IMAGE: There is no sa.nii.gz to segment." in said.err


def test_an_empty_name_is_refused(
    labelled_cohort: Path, tiny_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["segment", str(labelled_cohort), "--model", str(tiny_weights), "--name", ""]) == 1
    assert "the model's name '' may hold letters" in capsys.readouterr().err
    assert not list(labelled_cohort.glob("*/seg__sa.nii.gz"))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--engine", "torch", "--precision", "int8"], "precision: OpenVINO alone computes in int8"),
        (["--second-network", "nnunet:models"], "second_network: a model folder of nnU-Net is no second"),
    ],
)
def test_options_that_do_not_go_together_are_a_sentence(
    options: list[str],
    sentence: str,
    labelled_cohort: Path,
    tiny_weights: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["segment", str(labelled_cohort), "--model", str(tiny_weights), *options]) == 1
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("preset", "weights"),
    [("fast", "unet16_vendors_sa"), ("default", "unet_all_sa"), ("accurate", "unet_all_sa")],
)
def test_the_preset_chooses_the_network(
    preset: str, weights: str, labelled_cohort: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(labelled_cohort / "S0" / "sa.nii.gz", tmp_path)
    assert main(["segment", str(tmp_path), "--preset", preset, *FAST]) == 0
    assert f"segmented with {weights}" in capsys.readouterr().out
    inference = read_image(tmp_path / "seg_sa.nii.gz").sidecar["inference"]
    assert inference["test_time_augmentation"] == ("rotations" if preset == "accurate" else "none")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nowhere"], "no such folder"),
        (["."], "holds no sa.nii.gz"),
        ([".", "--view", "la_2ch"], "holds no la_2ch.nii.gz"),
    ],
)
def test_nothing_to_segment(
    arguments: list[str],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["segment", *arguments]) == 1
    assert sentence in capsys.readouterr().err


def test_model_cards(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["model-card"]) == 0
    listed = [line.split("\t")[0] for line in capsys.readouterr().out.splitlines()]
    assert listed == shipped_models()
    for name in listed:
        assert main(["model-card", name]) == 0
        assert name in capsys.readouterr().out
    assert main(["model-card", "nothing"]) == 1
