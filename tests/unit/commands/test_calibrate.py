import numpy as np
import pandas as pd
import pytest

from cinecohort.calibration.failures import MEASURES
from cinecohort.calibration.record import read_calibration
from cinecohort.cli import main
from cinecohort.ledger.frames import write_frame
from cinecohort.reporting.formats import FORMATS
from support.calibration_rows import MADE_BY, made_up_rows


@pytest.fixture
def results(tmp_path):
    """Results of 90 participants as the workflow writes them, two of whom the training saw."""
    table = made_up_rows(90, copies=1).table
    names = list(table.columns[: table.columns.get_loc("dice_lv")])
    cohort, subjects = tmp_path / "results" / "cohort", table.index
    quality = table[names].rename(columns=lambda name: f"predictor_{name}").assign(made_by=MADE_BY)
    quality = quality.assign(stage="segmentation_quality", status="ok").reset_index()
    write_frame(cohort / "quality.tsv", quality)
    overlap = [
        {"subject": s, "view": "sa", "source": "net", "reference": "O1", "role": role, "position": "all"}
        | {"structure": name, "dice": table.loc[s, f"dice_{name.lower()}"]}
        for s in subjects
        for role in ("ed", "es")
        for name in ("LV", "MYO", "RV")
    ]
    write_frame(cohort / "overlap.tsv", pd.DataFrame(overlap))
    seen = np.where(subjects.isin(subjects[:2]), "true", "")
    rows = []
    for source, kind, frames, marks in (("net", "auto", "O1", seen), ("O1", "manual", "own", "")):
        off = {name: table[f"error_{name}"].to_numpy() if kind == "auto" else 0.0 for name in MEASURES}
        values = pd.DataFrame({name: 100.0 + off[name] for name in MEASURES}, index=range(len(subjects)))
        who = {"subject": subjects, "source": source, "kind": kind, "frames": frames}
        rows.append(values.assign(**who, seen_in_training=marks))
    write_frame(cohort / "measures.tsv", pd.concat(rows))
    people = pd.DataFrame({"subject": subjects, "dataset": "one", "participant": subjects, "vendor": "A"})
    write_frame(cohort / "participants.tsv", people)
    return tmp_path / "results"


def test_a_results_folder_gives_a_calibration_and_its_report(results, tmp_path, capsys):
    out = tmp_path / "calibration.json"
    assert main(["calibrate", str(results), "--observer", "O1", "--out", str(out)]) == 0
    made = read_calibration(out)
    assert made.participants == {"one": 88}
    assert made.left_out == {"seen in the network's training": 2}
    assert made.made_by == MADE_BY
    assert {one.level for one in made.assessment.strata if one.factor == "vendor"} == {"A"}
    assert "88 participants" in capsys.readouterr().out
    assert (tmp_path / "calibration.md").is_file()
    printed = (tmp_path / "printed" / "calibration.csv").read_text()
    auc = made.assessment.auc["any"]
    assert f"any structure or measure,{auc.value:.2f},{auc.low:.2f} to {auc.high:.2f}" in printed
    names = {path.name for path in (tmp_path / "printed").iterdir()}
    assert {
        f"{name}.{ending}" for name in ("calibration", "calibration-intervals") for ending in FORMATS
    } == names


def test_the_limits_are_options(results, tmp_path):
    out = tmp_path / "calibration.json"
    options = ["--dice", "0.8", "--edv-ml", "500", "--ef-points", "500", "--mass-g", "500", "--no-volumes"]
    assert main(["calibrate", str(results), "--observer", "O1", "--out", str(out), *options]) == 0
    made = read_calibration(out)
    assert made.options.failure.dice == 0.8
    assert made.without_volumes == ["one"]
    table = made_up_rows(90, copies=1).table.iloc[2:]
    assert made.failures["LV"] == int((table["dice_lv"] < 0.8).sum())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"--observer": "O2"}, "no short-axis labels of 'O2'"),
        ({"--dice": "2"}, "less than 1"),
    ],
)
def test_what_cannot_be_is_a_sentence(results, tmp_path, capsys, change, words):
    options = {"--observer": "O1", "--out": str(tmp_path / "c.json"), **change}
    assert main(["calibrate", str(results), *(text for pair in options.items() for text in pair)]) == 1
    said = capsys.readouterr().err
    assert words in said
    assert "Traceback" not in said


def test_segmentations_made_in_two_ways_are_refused(results, tmp_path, capsys):
    path = results / "cohort" / "quality.tsv"
    lines = path.read_text().splitlines()
    lines[-1] = lines[-1].replace("openvino/bf16", "mnn/fp32")
    path.write_text("\n".join(lines) + "\n")
    assert main(["calibrate", str(results), "--observer", "O1", "--out", str(tmp_path / "c.json")]) == 1
    assert "made in 2 ways" in capsys.readouterr().err


def test_results_without_predictors_say_so(results, tmp_path, capsys):
    path = results / "cohort" / "quality.tsv"
    path.write_text(path.read_text().replace("predictor_", "other_"))
    assert main(["calibrate", str(results), "--observer", "O1", "--out", str(tmp_path / "c.json")]) == 1
    assert "no predictors" in capsys.readouterr().err
