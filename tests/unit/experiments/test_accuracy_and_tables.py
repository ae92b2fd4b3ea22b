"""Tests on unseen subjects alone, overlap as NumPy counts it, tables by hand, published rows marked."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from cinecohort.errors import UserError
from cinecohort.experiments import accuracy
from cinecohort.experiments.accuracy import (
    compared_structures,
    evaluate_row,
    first_unseen,
    segmentation_folder,
)
from cinecohort.experiments.datasets import prepare_dataset
from cinecohort.experiments.figures import draw_boxes
from cinecohort.experiments.options import ExperimentOptions
from cinecohort.experiments.panels import chosen_subjects, make_panel
from cinecohort.experiments.rows import Network, networks_of, read_row, train_row
from cinecohort.experiments.tables import (
    convergence_words,
    last_quarter_gain,
    make_curves,
    make_table,
    published_rows,
    read_tests,
)
from cinecohort.findings import Outcome, Status
from cinecohort.images import Image, read_image, write_image
from cinecohort.store import write_record
from support.tiny_experiments import TRAINING, values_for


def fates(options: ExperimentOptions, row: str, dataset: str) -> dict[str, str]:
    table = pd.read_csv(options.results / "tests" / row / f"{dataset}.subjects.csv")
    return dict(zip(table["subject"], table["status"], strict=True))


def test_only_unseen_subjects_are_tested_each_by_a_network_that_did_not_see_it(
    finished: ExperimentOptions,
) -> None:
    assert fates(finished, "base", "home") == {"patient001": "tested"}
    assert set(fates(finished, "tuned", "away").values()) == {"tested"}
    networks = read_row(finished, "tuned")["networks"]
    for subject in ("patient011", "patient012", "patient013"):
        folder = segmentation_folder(finished, "tuned", "away") / subject
        used = read_image(folder / "seg_sa.nii.gz").sidecar["weights_sha256"]
        unseen = [number for number, item in enumerate(networks) if subject not in item["seen"]["away"]]
        assert used == read_row(finished, "tuned")["weights_sha256"][unseen[0]]


def test_subjects_that_training_saw_are_left_out_and_said_to_be(
    finished: ExperimentOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = finished.model_copy(update={"results": tmp_path})
    for part in ("rows/base", "datasets/home"):
        shutil.copytree(finished.results / part, tmp_path / part, symlinks=True)
    parts = tmp_path / "datasets" / "home" / "subjects.csv"
    parts.write_text(parts.read_text().replace("held_out", "train"))
    asked_for: list[Path] = []

    def nothing(options: ExperimentOptions, row: str, network: Network, folders: list[Path]) -> list[Path]:
        asked_for.extend(folders)
        return []

    monkeypatch.setattr(accuracy, "segmented", nothing)
    evaluate_row(copy, "base", "home")
    assert [folder.name for folder in asked_for] == ["patient001"]
    assert fates(copy, "base", "home") == {f"patient{n:03d}": "seen_in_training" for n in range(2, 7)}


def test_labels_that_changed_after_the_dataset_was_prepared_are_not_compared(
    finished: ExperimentOptions, tmp_path: Path
) -> None:
    copy = finished.model_copy(update={"results": tmp_path})
    for part in ("rows/base", "datasets/home"):
        shutil.copytree(finished.results / part, tmp_path / part)
    path = tmp_path / "datasets" / "home" / "subjects" / "patient001" / "label_manual_sa.nii.gz"
    labels = read_image(path)
    write_image(path, Image(labels.data[..., :1], labels.affine))
    with pytest.raises(UserError, match=r"dataset home, subject patient001: .* its image"):
        evaluate_row(copy, "base", "home")


def test_a_participant_is_seen_in_whatever_dataset_and_visit(finished: ExperimentOptions) -> None:
    networks = networks_of(finished, "base")
    assert first_unseen(networks, {"patient002"}) is None
    assert first_unseen(networks, {"patient001"}) is networks[0]
    assert first_unseen(networks, {"patient002_3", "patient002"}) is None
    assert first_unseen([Network("a", {"home": ["x"]}), Network("b", {"away": ["y"]})], {"x"}).weights == "b"


def test_other_visits_of_a_participant_trained_on_are_not_tested(
    raw: Path, finished: ExperimentOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two visits of three participants in two datasets: a fold tests no visit of whom it learnt from."""
    for dataset, visit in (("first", 2), ("repeat", 3)):
        for person in ("A", "B", "C"):
            folder = tmp_path / dataset / f"{person}_{visit}"
            patient = finished.results / "datasets" / "home" / "subjects" / "patient001"
            shutil.copytree(patient, folder)
            (folder / "convert.json").unlink()
            write_record(folder, "convert", 1, "", Outcome(Status.OK, values={"participant": person}))
    values = values_for(
        raw,
        results=tmp_path / "results",
        datasets={name: {"path": tmp_path / name} for name in ("first", "repeat")},
        rows={
            "folds": {"trained_on": ["first", "repeat"], "folds": 3, "settings": TRAINING},
            "one": {"trained_on": ["first"], "settings": TRAINING},
        },
        tables={},
        panels={},
    )
    options = ExperimentOptions.model_validate(values)
    for dataset in options.datasets:
        prepare_dataset(options, dataset)
    for row in options.rows:
        train_row(options, row, report=lambda line: None)
    asked_for: dict[str, list[str]] = {}

    def note(options: ExperimentOptions, row: str, network: Network, folders: list[Path]) -> list[Path]:
        asked_for[network.weights] = [folder.name[0] for folder in folders]
        return []

    monkeypatch.setattr(accuracy, "segmented", note)
    evaluate_row(options, "folds", "repeat")
    for network in networks_of(options, "folds"):
        learnt = {"A", "B", "C"} - set(asked_for[network.weights])
        assert set(network.seen["first"]) == learnt | {f"{person}_2" for person in learnt}
    assert sorted(name for names in asked_for.values() for name in names) == ["A", "B", "C"]
    evaluate_row(options, "one", "repeat")
    assert set(fates(options, "one", "repeat").values()) == {"seen_in_training"}


def test_dice_is_that_of_the_label_maps(finished: ExperimentOptions) -> None:
    table = read_tests(finished, ["base"], ["away"])
    assert sorted(table["phase"].unique()) == ["ED", "ES"]
    for row in table.itertuples():
        folder = segmentation_folder(finished, "base", "away") / row.subject
        label = {"LV": 1, "MYO": 2, "RV": 3}[row.structure]
        ours = read_image(folder / "seg_sa.nii.gz").data[..., row.frame] == label
        truth = read_image(folder / "label_manual_sa.nii.gz").data[..., row.frame] == label
        expected = 2 * (ours & truth).sum() / (ours.sum() + truth.sum())
        assert row.dice == pytest.approx(expected, abs=1e-6)


def test_table_has_means_by_hand_and_published_rows_apart(raw: Path, finished: ExperimentOptions) -> None:
    values = values_for(raw, results=finished.results)
    table = {**values["tables"]["both"], "published": "chen2020_table4"}
    options = ExperimentOptions.model_validate({**values, "tables": {"both": table}})
    made = pd.read_csv(make_table(options, "both"))
    tests = pd.read_csv(finished.results / "tests" / "tuned" / "away.csv")
    dice = tests.loc[tests["structure"] == "LV", "dice"].to_numpy()
    ours = made[(made["row"] == "tuned") & (made["dataset"] == "Away") & (made["structure"] == "LV")].iloc[0]
    assert ours["n"] == 3
    assert ours["mean"] == pytest.approx(dice.sum() / 6, abs=1e-5)
    assert ours["sd"] == pytest.approx(np.sqrt(((dice - dice.mean()) ** 2).sum() / 5), abs=1e-5)
    assert (made["origin"] == "measured").sum() == 2 * 2 * 3
    published = made[made["origin"] == "published"]
    unet = published[(published["title"] == "UNet-64") & (published["dataset"] == "ACDC")]
    assert dict(zip(unet["structure"], unet["mean"], strict=True)) == {"LV": 0.9, "MYO": 0.81, "RV": 0.82}
    text = (finished.results / "tables" / "both.md").read_text()
    assert text.count("*published* (Chen 2020, Table IV)") == 12
    assert "home (n = 4), then Away (n = 2)" in text or "home (n = 4), then Away (n = 1)" in text
    assert (finished.results / "tables" / "both.svg").read_text().count("3D Dice") == 3


def test_figure_says_where_nobody_was_left_to_test() -> None:
    axis = Figure().subplots()
    nothing = pd.DataFrame({"row": pd.Series(dtype=str), "dice": pd.Series(dtype=float)})
    draw_boxes(axis, nothing, ["seen", "empty"], ["seen"])
    assert [text.get_text() for text in axis.texts] == ["trained on", "no value"]


def test_published_fine_tuning_keeps_its_groups() -> None:
    table = published_rows("bai2018_table10", "sa")
    after = table[(table["title"] == "FCN, fine-tuned: yes") & (table["dataset"] == "ACDC 2017")]
    assert list(after["mean"]) == [0.94, 0.88, 0.88]


def test_pairs_of_observers_stand_a_line_each(raw: Path, finished: ExperimentOptions) -> None:
    table = {"rows": ["base"], "datasets": ["home"], "published": "bai2018_table3"}
    values = values_for(raw, results=finished.results)
    options = ExperimentOptions.model_validate({**values, "tables": {"pairs": table}})
    text = make_table(options, "pairs").with_suffix(".md").read_text()
    assert (
        "| *published* (Bai 2018, Table 3): human, O1 vs O2 | – | UKBB | 50 "
        "| 0.940 (0.040) | 0.880 (0.020) | 0.870 (0.060) |"
    ) in text
    assert text.count("*published*") == 4


def test_who_is_in_no_mean_and_who_has_other_frames_is_said(
    finished: ExperimentOptions, tmp_path: Path
) -> None:
    copy = finished.model_copy(update={"results": tmp_path})
    for part in ("rows", "tests"):
        shutil.copytree(finished.results / part, tmp_path / part)
    path = tmp_path / "tests" / "base" / "away.csv"
    overlap = pd.read_csv(path)
    overlap = overlap[overlap["subject"] != "patient011"]
    overlap.loc[overlap["subject"] == "patient012", "phase"] = np.nan
    overlap.to_csv(path, index=False)
    fates_path = path.with_name("away.subjects.csv")
    fates_path.write_text(
        fates_path.read_text().replace("patient011,tested,", "patient011,not_segmented,no memory")
    )
    made = pd.read_csv(make_table(copy, "both"))
    here = made[(made["row"] == "base") & (made["dataset"] == "Away")]
    assert set(zip(here["n"], here["n_not_segmented"], here["n_other_frames"], strict=True)) == {(2, 1, 1)}
    text = (tmp_path / "tables" / "both.md").read_text()
    assert "in no mean: Base on Away 1 (see" in text
    assert "other annotated frames are in the means: Away 1." in text
    untouched = make_table(finished, "both").with_suffix(".md").read_text()
    assert "in no mean" not in untouched
    assert "other annotated frames" not in untouched


def test_whether_a_training_had_come_to_rest() -> None:
    curve = pd.DataFrame({"iteration": [25, 50, 75, 100], "mean_dice": [0.1, 0.4, 0.55, 0.6]})
    assert last_quarter_gain(curve) == pytest.approx(0.05)
    assert convergence_words(0.05) == "no, +0.050"
    assert convergence_words(-0.002) == "-0.002"
    assert np.isnan(last_quarter_gain(curve.assign(mean_dice=np.nan)))


def test_curves_have_every_fold(finished: ExperimentOptions) -> None:
    curves = pd.read_csv(make_curves(finished))
    assert curves.groupby("row")["fold"].nunique().to_dict() == {"base": 1, "tuned": 2}
    last = curves[curves["row"] == "base"].iloc[-1]
    assert last["minutes"] == pytest.approx(read_row(finished, "base")["minutes"], abs=0.02)


def test_panel_shows_the_worst_to_the_best_of_its_first_row(raw: Path, finished: ExperimentOptions) -> None:
    rows = [(name, row, dice) for name, values in
            (("a", (0.5, 0.9)), ("b", (0.1, 0.8)), ("c", (0.7, 0.1)), ("d", (0.9, np.nan)))
            for row, dice in zip(("base", "tuned"), values, strict=True)]  # fmt: skip
    tests = pd.DataFrame(rows, columns=["subject", "row", "dice"])
    assert chosen_subjects(finished, "both", tests) == ["b", "c"]
    assert make_panel(finished, "both").stat().st_size > 1000
    values = values_for(raw, results=finished.results)
    panels = {"both": {**values["panels"]["both"], "subjects": ["nobody"]}}
    options = ExperimentOptions.model_validate({**values, "panels": panels})
    with pytest.raises(UserError, match="nobody"):
        make_panel(options, "both")


def test_a_table_before_its_tests_says_what_to_do_first(finished: ExperimentOptions, tmp_path: Path) -> None:
    copy = finished.model_copy(update={"results": tmp_path})
    with pytest.raises(UserError, match=r"base/home\.csv: is missing; test row base on dataset home first"):
        make_table(copy, "both")
    with pytest.raises(UserError, match="row base first"):
        make_curves(copy)


def test_a_long_axis_shows_the_structures_that_were_compared(finished: ExperimentOptions) -> None:
    options = finished.model_copy(update={"view": "la_4ch"})
    assert compared_structures(options, pd.DataFrame({"structure": ["RV", "LA"]})) == ["LA", "RA", "RV"]
    assert compared_structures(options, pd.DataFrame({"structure": []})) == ["LA", "RA"]
