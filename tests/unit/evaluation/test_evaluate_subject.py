"""A subject's segmentations against its observers, and the evaluate command."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cinecohort.catalogue.views import STRUCTURES
from cinecohort.cli import main
from cinecohort.evaluation.options import EvaluationOptions
from cinecohort.evaluation.subject import evaluate_subject
from cinecohort.images import Image, write_image
from cinecohort.model_sets import single_set
from cinecohort.reporting.formats import FORMATS

BOTH = [single_set("ours", STRUCTURES), single_set("other", STRUCTURES, "other")]
AFFINE = np.diag([1.5, 1.5, 8.0, 1.0])
OBLIQUE = AFFINE.copy()
OBLIQUE[:3, :3] = np.array([[0.8, 0.36, -0.48], [0.0, 0.8, 0.6], [0.6, -0.48, 0.64]]) @ AFFINE[:3, :3]


def labels(shift: int = 0, frames: int = 4) -> np.ndarray:
    data = np.zeros((32, 32, 5, frames), dtype=np.uint8)
    data[8 + shift : 20 + shift, 8:20] = 2
    data[11 + shift : 17 + shift, 11:17] = 1
    data[20 + shift : 26 + shift, 8:20] = 3
    return data


def annotated(frames: dict[int, list[str]], slices: int = 5) -> dict[str, dict[str, list[int]]]:
    return {str(frame): {name: list(range(slices)) for name in names} for frame, names in frames.items()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_image(tmp_path / "seg_sa.nii.gz", Image(labels(1), AFFINE, sidecar={"frames": [0, 1, 2]}))
    write_image(tmp_path / "seg_other_sa.nii.gz", Image(labels(2), AFFINE, sidecar={"frames": [0]}))
    everything, cavity = ["LV", "MYO", "RV"], ["LV"]
    for observer, es_frame in (("O1", 2), ("O2", 3)):
        write_image(
            tmp_path / f"label_{observer}_sa.nii.gz",
            Image(
                labels(),
                AFFINE,
                sidecar={
                    "ed_frame": 0,
                    "es_frame": es_frame,
                    "annotated": annotated({0: everything, es_frame: cavity}),
                },
            ),
        )
    return tmp_path


def test_every_model_against_every_observer_and_observers_in_pairs(folder: Path) -> None:
    outcome = evaluate_subject(folder, BOTH, ["O1", "O2", "O3"], EvaluationOptions())
    table = pd.DataFrame(outcome.rows)
    compared = {tuple(pair) for pair in table[["source", "reference"]].to_numpy()}
    assert compared == {("ours", "O1"), ("ours", "O2"), ("other", "O1"), ("other", "O2"), ("O1", "O2")}
    assert outcome.status == "ok"
    json.dumps(outcome.rows, allow_nan=False)


def test_only_frames_and_structures_known_in_both(folder: Path) -> None:
    table = pd.DataFrame(
        evaluate_subject(folder, BOTH, ["O1", "O2"], EvaluationOptions(positions=False)).rows
    )
    cells = table.groupby(["source", "reference"])[["frame", "role", "structure"]].apply(
        lambda rows: [tuple(row) for row in rows.to_numpy()]
    )
    diastole = [(0, "ed", name) for name in ("LV", "MYO", "RV")]
    assert cells["ours", "O1"] == [*diastole, (2, "es", "LV")]
    assert cells["ours", "O2"] == diastole  # frame 3 was not segmented
    assert cells["other", "O1"] == diastole
    assert cells["O1", "O2"] == diastole  # different end-systolic frames


def test_different_grids_are_a_finding(folder: Path) -> None:
    write_image(folder / "seg_sa.nii.gz", Image(labels(frames=3), AFFINE))
    outcome = evaluate_subject(folder, BOTH[:1], ["O1"], EvaluationOptions())
    assert [finding.code for finding in outcome.findings] == ["GRID"]
    assert outcome.rows == []
    assert outcome.status == "review"


def test_nothing_to_compare_is_no_fault(tmp_path: Path) -> None:
    outcome = evaluate_subject(tmp_path, BOTH[:1], ["O1"], EvaluationOptions())
    assert (outcome.status, outcome.rows) == ("ok", [])


def evaluate(*arguments: object) -> int:
    return main(["evaluate", *map(str, arguments)])


def test_command_writes_the_promised_columns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_image(tmp_path / "a.nii.gz", Image(labels(1, 1), AFFINE))
    write_image(tmp_path / "b.nii.gz", Image(labels(0, 1), AFFINE))
    out = tmp_path / "out" / "overlap.csv"
    code = evaluate("--auto", tmp_path / "a.nii.gz", "--manual", tmp_path / "b.nii.gz", "--out", out)
    table = pd.read_csv(out)
    assert code == 0
    assert list(table.columns[:6]) == ["name", "frame", "structure", "dice", "mcd_mm", "hd_mm"]
    assert table["name"].unique().tolist() == ["a"]
    assert table.set_index("structure")["dice"]["LV"] == pytest.approx(5 / 6)
    assert "1 of 1 pairs" in capsys.readouterr().out
    printed = (tmp_path / "out" / "printed" / "overlap.csv").read_text().splitlines()
    assert printed[0].startswith("Structure,n,Dice")
    assert printed[1].startswith("LV cavity,1,0.833,")
    names = {path.name for path in (tmp_path / "out" / "printed").iterdir()}
    assert names == {f"overlap.{ending}" for ending in FORMATS}


def test_command_leaves_undefined_cells_empty(tmp_path: Path) -> None:
    only_lv = np.where(labels(0, 1) == 1, 1, 0).astype(np.uint8)
    for name in ("a", "b"):
        write_image(tmp_path / f"{name}.nii.gz", Image(only_lv, AFFINE))
    out = tmp_path / "overlap.csv"
    evaluate("--auto", tmp_path / "a.nii.gz", "--manual", tmp_path / "b.nii.gz", "--out", out)
    assert "a,0,RV,,,,," in out.read_text()


def test_command_pairs_folders_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for side, names in (("auto", ["p1", "p2", "p3"]), ("manual", ["p2", "p3", "p4"])):
        (tmp_path / side).mkdir()
        for name in names:
            write_image(tmp_path / side / f"{name}.nii.gz", Image(labels(0, 2), AFFINE))
    write_image(tmp_path / "auto" / "p3.nii.gz", Image(labels(0, 3), AFFINE))
    out = tmp_path / "overlap.csv"
    code = evaluate("--auto", tmp_path / "auto", "--manual", tmp_path / "manual", "--out", out, "--positions")
    table = pd.read_csv(out)
    assert code == 0
    assert table["name"].unique().tolist() == ["p2", "p3"]
    assert table.pop("note").dropna().str.startswith("not compared: ").tolist() == [True]
    table = table[table["name"] == "p2"]
    assert set(table["position"]) == {"all", "basal", "mid", "apical"}
    assert "p3" in capsys.readouterr().err


def test_command_reads_another_coding(tmp_path: Path) -> None:
    ours = labels(0, 1)
    write_image(tmp_path / "a.nii.gz", Image(ours, AFFINE))
    theirs = np.array([0, 3, 2, 1], dtype=np.uint8)[ours]
    write_image(tmp_path / "b.nii.gz", Image(theirs, AFFINE))
    out = tmp_path / "overlap.csv"
    pair = ("--auto", tmp_path / "a.nii.gz", "--manual", tmp_path / "b.nii.gz", "--out", out)
    assert evaluate(*pair, "--manual-coding", "acdc") == 0
    assert (pd.read_csv(out)["dice"] == 1).all()


@pytest.mark.parametrize("fault", ["absent", "shape", "spacing", "label", "mixed"])
def test_command_refuses_in_one_sentence(
    fault: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = tmp_path / "a.nii.gz", tmp_path / "b.nii.gz"
    write_image(a, Image(labels(0, 1), AFFINE))
    data, affine = labels(0, 2 if fault == "shape" else 1), AFFINE.copy()
    if fault == "spacing":
        affine[0, 0] = 3.0
    if fault == "label":
        data[0, 0] = 9
    if fault != "absent":
        write_image(b, Image(data, affine))
    manual = tmp_path if fault == "mixed" else b
    assert evaluate("--auto", a, "--manual", manual, "--out", tmp_path / "o.csv") == 1
    message = capsys.readouterr().err
    assert message.startswith("cinecohort evaluate: ")
    assert message.count("\n") == 1


def test_command_turns_what_was_stored_in_another_order(tmp_path: Path) -> None:
    """The same hearts, their axes exchanged and reversed: all is as without, and a note says so."""
    drawn = labels(0, 2)
    for folder in ("auto", "manual"):
        (tmp_path / folder).mkdir()
        write_image(tmp_path / folder / "same.nii.gz", Image(drawn, OBLIQUE))
    write_image(tmp_path / "manual" / "turned.nii.gz", Image(drawn, OBLIQUE))
    index = np.array([[0, -1, 0, 31.0], [1, 0, 0, 0], [0, 0, -1, 4], [0, 0, 0, 1]])
    stored = np.ascontiguousarray(drawn[::-1, :, ::-1].transpose(1, 0, 2, 3))
    write_image(tmp_path / "auto" / "turned.nii.gz", Image(stored, OBLIQUE @ index))
    out = tmp_path / "overlap.csv"
    assert evaluate("--auto", tmp_path / "auto", "--manual", tmp_path / "manual", "--out", out) == 0
    table = pd.read_csv(out, keep_default_na=False).set_index("name")
    assert table.loc["turned", "dice"].astype(float).eq(1).all()
    assert set(table.loc["same", "note"]) == {""}
    assert set(table.loc["turned", "note"]) == {"turned to the reference's grid, as the affines say"}


def test_command_refuses_maps_that_lie_elsewhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    elsewhere = OBLIQUE.copy()
    elsewhere[2, 3] += 20
    write_image(tmp_path / "a.nii.gz", Image(labels(0, 1), OBLIQUE))
    write_image(tmp_path / "b.nii.gz", Image(labels(0, 1), elsewhere))
    pair = ("--auto", tmp_path / "a.nii.gz", "--manual", tmp_path / "b.nii.gz", "--out", tmp_path / "o.csv")
    assert evaluate(*pair) == 1
    assert "lie elsewhere in space by their affines" in capsys.readouterr().err
