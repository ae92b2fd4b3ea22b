import numpy as np
import pandas as pd
import pytest

from cinecohort.calibration.record import write_calibration
from cinecohort.cohort.gather import (
    final_status,
    gather_results,
    marked_as_seen,
    measures_table,
    overlap_table,
    seen_in_training,
)
from cinecohort.cohort.index import COLUMNS as INDEX_COLUMNS
from cinecohort.cohort.settings import COHORT_TABLES, settings_for
from cinecohort.cohort.versions import STAGES
from cinecohort.config import ImagesDataset, parse_config
from cinecohort.ledger.columns import COHORT
from cinecohort.ledger.frames import read_frame, read_shards, write_frame
from cinecohort.ledger.rows import columns_of, write_rows
from support.calibration_rows import MADE_BY, small_calibration

STATE = ("subject", "dataset", "participant", "visit", "status", "stage", "code", "reason")


class Results:
    """A results folder with the tables of its shards, written by hand."""

    def __init__(self, folder, datasets=("tiny",)):
        self.folder = folder
        people = "".join(f"{key}\t170\t70\n" for key in "abcdef")
        folder.mkdir(exist_ok=True)
        (folder / "people.tsv").write_text("subject\theight_cm\tweight_kg\n" + people)
        self.config = parse_config(
            {
                "results": str(folder),
                "datasets": {
                    name: {"source": "nifti", "path": str(folder), "participants": str(folder / "people.tsv")}
                    for name in datasets
                },
            }
        )

    def write(self, shards, rows=None, findings=None):
        """`shards`: shard to (subject, dataset, id); `rows`: (stage, subject) to a list of its rows."""
        rows, findings = rows or {}, findings or {}
        for shard, members in shards.items():
            index = [
                {"subject": s, "dataset": d, "id": i, "participant": i, "visit": ""} for s, d, i in members
            ]
            write_rows(self.folder / "index" / f"{shard}.tsv", index, INDEX_COLUMNS)
            for stage in STAGES:
                made = [
                    {"subject": s, "dataset": d, "participant": i, "status": "ok", "stage": stage, **row}
                    for s, d, i in members
                    for row in rows.get((stage, s), [{}])
                ]
                write_rows(self.folder / stage / f"{shard}.tsv", made, columns_of(made, STATE))
                found = [f for f in findings.get(stage, []) if f["subject"] in [s for s, _, _ in members]]
                write_rows(self.folder / stage / f"{shard}.findings.tsv", found, COHORT["findings"].columns)
        gather_results(settings_for("gather", self.config), list(shards), self.folder)
        return self

    def table(self, name):
        return read_frame(self.folder / "cohort" / f"{name}.tsv", name)


MEASURED = [
    {"source": "net", "kind": "auto", "frames": "own", "ed_frame": "0", "es_frame": "9", "lvedv_ml": "150.5"},
    {"source": "net", "kind": "auto", "frames": "O1", "ed_frame": "1", "es_frame": "9", "lvedv_ml": "149"},
    {"source": "O1", "kind": "manual", "frames": "own", "ed_frame": "1", "es_frame": "9", "lvedv_ml": "151"},
]
NOBODY = {"status": "excluded", "stage": "convert", "code": "NO_VIEW", "reason": "No view."}


def excluded(subject):
    return {(stage, subject): [NOBODY] for stage in STAGES}


def test_everybody_of_every_shard_is_in_every_table(tmp_path):
    rows = {("measure", "a"): MEASURED, ("measure", "c"): MEASURED[:1], **excluded("b")}
    results = Results(tmp_path).write(
        {"0001": [("c", "tiny", "c")], "0000": [("b", "tiny", "b"), ("a", "tiny", "a")]}, rows
    )
    assert results.table("status")[["subject", "status", "code"]].fillna("").to_numpy().tolist() == [
        ["a", "ok", ""],
        ["b", "excluded", "NO_VIEW"],
        ["c", "ok", ""],
    ]
    measures = results.table("measures")
    assert measures["subject"].tolist() == ["a", "a", "a", "b", "c"]
    assert measures["lvedv_ml"].fillna(-1).tolist() == [150.5, 149, 151, -1, 150.5]
    assert measures["status"].tolist() == ["ok", "ok", "ok", "excluded", "ok"]
    bsa = 0.007184 * 70**0.425 * 170**0.725
    assert measures.loc[0, "lvedv_ml_i"] == pytest.approx(150.5 / bsa)
    assert results.table("conversion")["subject"].tolist() == ["a", "b", "c"]
    assert results.table("participants")["subject"].tolist() == ["a", "b", "c"]
    assert "\tnet\tauto\town\t0\t9\t150.5\t" in (tmp_path / "cohort" / "measures.tsv").read_text()


def test_the_order_of_shards_changes_no_byte(tmp_path):
    shards = {"0000": [("a", "tiny", "a")], "0001": [("b", "tiny", "b")]}
    rows = {("measure", "a"): MEASURED, ("measure", "b"): MEASURED[:2]}
    contents = []
    for name, order in (("one", list(shards)), ("two", list(shards)[::-1])):
        Results(tmp_path / name).write({shard: shards[shard] for shard in order}, rows)
        contents.append([(tmp_path / name / "cohort" / f"{t}.tsv").read_text() for t in COHORT_TABLES])
    assert contents[0] == contents[1]


def test_two_datasets_with_the_same_ids_stay_apart(tmp_path):
    members = [("one-a", "one", "a"), ("two-a", "two", "a")]
    rows = {("measure", "one-a"): MEASURED, **excluded("two-a")}
    results = Results(tmp_path, ("one", "two")).write({"0000": members}, rows)
    assert results.table("measures")[["subject", "dataset"]].drop_duplicates().to_numpy().tolist() == [
        ["one-a", "one"],
        ["two-a", "two"],
    ]
    flow = results.table("flow")
    analysed = flow[flow["step"] == "analysed"].set_index("dataset")["received"].to_dict()
    assert analysed == {"one": 1, "two": 0}


def test_a_cohort_of_which_everybody_is_excluded_has_all_tables(tmp_path):
    members = [(key, "tiny", key) for key in "ab"]
    results = Results(tmp_path).write({"0000": members}, {**excluded("a"), **excluded("b")})
    assert {path.stem for path in (tmp_path / "cohort").glob("*.tsv")} == set(COHORT_TABLES)
    measures = results.table("measures")
    assert measures["subject"].tolist() == ["a", "b"]
    assert measures["source"].isna().all()
    assert {"ed_frame", "heart_rate_bpm", "lvedv_ml", "la_max_ml", "wt_aha_16_mm"} <= set(measures.columns)
    assert measures["lvedv_ml"].isna().all()
    assert results.table("overlap").empty
    assert list(results.table("overlap"))[:5] == ["subject", "dataset", "view", "source", "reference"]
    assert results.table("quality").empty


def test_a_subject_that_a_stage_lost_is_a_fault(tmp_path):
    results = Results(tmp_path).write({"0000": [("a", "tiny", "a")]})
    index = tmp_path / "index" / "0000.tsv"
    index.write_text(index.read_text() + "b\ttiny\tb\tb\t\t\t\t\t\n")
    with pytest.raises(RuntimeError, match="convert: 1 subjects are not in both"):
        gather_results(settings_for("gather", results.config), ["0000"], tmp_path)


def test_findings_of_all_stages_stand_together(tmp_path):
    found = {
        stage: [{"subject": "a", "dataset": "tiny", "stage": stage, "code": stage.upper(), "level": "info"}]
        for stage in ("measure", "convert")
    }
    results = Results(tmp_path).write({"0000": [("a", "tiny", "a")]}, findings=found)
    assert results.table("findings")["code"].tolist() == ["CONVERT", "MEASURE"]


def states(*statuses):
    stages = zip(STAGES, statuses, strict=False)
    return {
        stage: pd.DataFrame(
            [
                {
                    "subject": "a",
                    "dataset": "t",
                    "status": s,
                    "stage": stage,
                    "code": stage.upper(),
                    "reason": "why",
                }
            ]
        )
        for stage, s in stages
    }


@pytest.mark.parametrize(
    ("statuses", "status", "stage"),
    [
        (["ok"] * 6, "ok", ""),
        (["ok", "review", "ok", "review", "ok", "ok"], "review", "image_quality"),
        (["review", "ok", "ok", "excluded", "review", "ok"], "excluded", "segmentation_quality"),
        (["ok", "ok", "excluded", "ok", "error", "ok"], "error", "measure"),
        (["ok", "ok", "ok", "ok", "ok", "error"], "review", "evaluate"),
        (["ok", "ok", "ok", "ok", "ok", "excluded"], "review", "evaluate"),
    ],
)
def test_the_gravest_and_first_state_decides(statuses, status, stage):
    (row,) = final_status(states(*statuses)).to_dict("records")
    assert (row["status"], row["stage"]) == (status, stage)
    assert row["code"] == ("" if status == "ok" else stage.upper())


def test_who_was_excluded_before_the_evaluation_stays_excluded():
    tables = states("excluded", *["ok"] * 5)
    tables["evaluate"] = tables["convert"]
    assert final_status(tables)["status"].tolist() == ["excluded"]


def test_whom_a_network_saw_is_marked_by_source_and_id():
    ids = ["p1", "p1", "p2"]
    index = pd.DataFrame({"subject": ["x-p1", "y-p1", "x-p2"], "dataset": ["x", "y", "x"], "id": ids})
    index["participant"] = ids
    datasets = {
        "x": ImagesDataset(source="acdc", path="raw"),
        "y": ImagesDataset(source="sunnybrook", path="raw"),
    }
    seen = seen_in_training(index, datasets, {"net": {"sa": {"acdc": ["p1"]}, "la_2ch": {}}})
    assert seen == {("net", "sa", "x-p1")}
    own = {"net": {"sa": {"any": ["p1"]}}}
    assert seen_in_training(index, datasets, own) == {("net", "sa", "x-p1"), ("net", "sa", "y-p1")}
    visits = index.assign(id=["p1_2", "p1_2", "p2_2"])
    assert seen_in_training(visits, datasets, own) == {("net", "sa", "x-p1"), ("net", "sa", "y-p1")}
    table = pd.DataFrame({"subject": ["x-p1", "x-p1", "y-p1"], "source": ["net", "O1", "net"]})
    assert marked_as_seen(table, seen)["seen_in_training"].tolist() == ["true", "", ""]
    of_views = table.assign(view=["sa", "sa", "sa"])
    assert marked_as_seen(of_views, seen)["seen_in_training"].tolist() == ["true", "", ""]
    assert not marked_as_seen(table.assign(view="la_2ch"), seen)["seen_in_training"].any()


def test_measures_are_numbers_and_frames_whole_ones():
    measure = pd.DataFrame(
        {
            "subject": ["b", "a"],
            "dataset": "t",
            "source": ["net", ""],
            "ed_frame": ["3", ""],
            "lvef_pct": ["61.5", ""],
            "status": "ok",
            "n_sources": "1",
        }
    )
    table = measures_table(measure, pd.DataFrame({"subject": ["a", "b"]}), "du_bois")
    assert table["subject"].tolist() == ["a", "b"]
    assert table["ed_frame"].tolist() == [pd.NA, 3]
    assert table["lvef_pct"].dtype == float
    assert not {"status", "n_sources"} & set(table.columns)
    assert {"kind", "frames"} <= set(table.columns)


def test_only_compared_subjects_have_rows_of_overlap():
    row = {"subject": "a", "dataset": "t", "status": "ok", "stage": "evaluate", "code": "", "reason": ""}
    names = ("view", "source", "reference", "frame", "role", "position", "dice", "mcd_mm", "hd_mm")
    row |= dict.fromkeys((*names, "hd_max_mm", "n_slices", "n_skipped"), "1") | {"structure": "LV"}
    table = overlap_table(pd.DataFrame([row, {**row, "subject": "b", "structure": ""}]))
    assert table["subject"].tolist() == ["a"]
    assert not {"status", "stage", "reason"} & set(table.columns)


def test_numbers_keep_full_precision_and_missing_is_empty(tmp_path):
    frame = pd.DataFrame(
        {"subject": ["NA", "b"], "x": [1 / 3, float("nan")], "n": pd.array([1, None], "Int64")}
    )
    write_frame(tmp_path / "t.tsv", frame)
    assert (tmp_path / "t.tsv").read_text() == f"subject\tx\tn\nNA\t{1 / 3!r}\t1\nb\t\t\n"
    back = read_frame(tmp_path / "t.tsv")
    assert back["subject"].tolist() == ["NA", "b"]
    assert back["x"].tolist()[0] == 1 / 3
    assert back["x"].isna().tolist() == [False, True]


def test_no_shards_make_an_empty_table():
    assert read_shards([]).empty


def test_shards_of_different_columns_are_joined_and_only_numbers_are_numbers(tmp_path):
    texts = {
        "0": "subject\tlvedv_ml\treason\na\t0.1\t007\n",
        "1": "subject\tlvedv_ml\treason\nb\t\tNA\n",
        "2": "subject\tmodels\nc\tnet\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    paths = [tmp_path / name for name in texts]
    table = read_shards(paths, "measures")
    assert table["subject"].tolist() == ["a", "b", "c"]
    assert table["lvedv_ml"].tolist()[0] == 0.1
    assert table["lvedv_ml"].isna().tolist() == [False, True, True]
    assert table["reason"].tolist() == ["007", "NA", ""]
    assert table["models"].tolist() == ["", "", "net"]
    assert read_shards(paths)["lvedv_ml"].tolist() == ["0.1", "", ""]


def test_truth_values_and_mixed_columns_are_written_as_cells(tmp_path):
    mixed = pd.Series(["two\nlines", 0.5, None], dtype=object)
    write_frame(tmp_path / "t.tsv", pd.DataFrame({"flag": [True, False, True], "mixed": mixed}))
    assert (tmp_path / "t.tsv").read_text() == "flag\tmixed\ntrue\ttwo lines\nfalse\t0.5\ntrue\t\n"


def test_z_scores_stand_in_the_measures_and_the_ranges_beside_them(tmp_path):
    """A woman of 60 with an ejection fraction of 51 % is two SDs under Petersen's 61 (5) %."""
    rows = [{**MEASURED[0], "lvef_pct": "51", "lvm_g": "80"}]
    results = Results(tmp_path)
    people = "subject\tsex\tage_years\theight_cm\tweight_kg\n" + "a\tF\t60\t170\t70\nb\tM\t30\t170\t70\n"
    (tmp_path / "people.tsv").write_text(people)
    measured = {("measure", key): rows for key in "ab"}
    results.write({"0000": [("a", "tiny", "a"), ("b", "tiny", "b")]}, measured)
    table = results.table("measures").set_index("subject")
    assert table.loc["a", "lvef_pct_z"] == -2.0
    # Du Bois: 1.8097 m² and so 44.206 g/m², where women have 42 (7).
    assert table.loc["a", "lvm_g_i_z"] == pytest.approx(0.315, abs=0.001)
    assert np.isnan(table.loc["b", "lvef_pct_z"])
    assert "no range for this sex and age" in table.loc["b", "z_missing"]
    assert len(results.table("reference_ranges")) == 4


def judged(dice, made_by=MADE_BY):
    """Rows of a subject whose LV two networks agree on so far, with a check that flagged it."""
    quality = {"predictor_lv_second_dice": str(dice), "made_by": made_by}
    flagged = {"status": "review", "code": "S3", "reason": "The ring is open."}
    return {"segmentation_quality": [quality | flagged], "measure": [MEASURED[0] | {"lvef_pct": "60"}]}


def with_calibration(folder, subjects, cut=0.5):
    """Results of subjects, each flagged by S3, gathered with a calibration."""
    results = Results(folder)
    made = small_calibration().model_copy(update={"cut": cut})
    write_calibration(made, folder / "calibration.json")
    quality = {"calibration": str(folder / "calibration.json")}
    results.config = parse_config(results.config.model_dump(mode="json") | {"quality": quality})
    rows = {(stage, key): made for key, stages in subjects.items() for stage, made in stages.items()}
    found = [
        {
            "subject": key,
            "dataset": "tiny",
            "stage": "segmentation_quality",
            "code": "S3",
            "level": "review",
            "view": "sa",
            "message": "The ring is open.",
        }
        for key in subjects
    ]
    members = [(key, "tiny", key) for key in subjects]
    return results.write({"0000": members}, rows, {"segmentation_quality": found})


def test_a_calibration_decides_and_the_checks_say_why(tmp_path):
    results = with_calibration(tmp_path, {"a": judged(0.95), "b": judged(0.6), "c": judged(0.6, "other")})
    status = results.table("status").set_index("subject")
    assert status["status"].to_dict() == {"a": "ok", "b": "review", "c": "review"}
    assert status["code"].fillna("").to_dict() == {"a": "", "b": "PREDICTED_FAILURE", "c": "S3"}
    assert status["failure_probability"].round(4).to_dict() == pytest.approx(
        {"a": 0.0006, "b": 1.0, "c": float("nan")}, abs=1e-4, nan_ok=True
    )
    assert status["failure_probability_rv"].isna().all()
    findings = results.table("findings")
    levels = findings[findings["code"] == "S3"].set_index("subject")["level"].to_dict()
    assert levels == {"a": "info", "b": "info", "c": "review"}
    predicted = findings[findings["code"] == "PREDICTED_FAILURE"]
    assert predicted[["subject", "stage", "level"]].to_numpy().tolist() == [["b", "calibration", "review"]]
    assert "S3" in predicted["message"].iloc[0]
    flow = results.table("flow").set_index("step")
    assert flow.loc["segmentation quality", "flagged"] == 1
    measures = results.table("measures").set_index("subject")
    assert measures.loc["a", ["lvef_pct_low", "lvef_pct_high"]].tolist() == [56, 64]
    assert measures.loc["c", ["lvef_pct_low", "lvef_pct_high"]].isna().all()
    assert measures["lvedv_ml_low"].isna().all()


def test_a_calibration_without_a_cut_leaves_the_flags_to_the_checks(tmp_path):
    results = with_calibration(tmp_path, {"a": judged(0.95), "b": judged(0.6)}, cut=None)
    status = results.table("status").set_index("subject")
    assert status["code"].to_dict() == {"a": "S3", "b": "S3"}
    assert status["failure_probability"].notna().all()
    assert set(results.table("findings")["level"]) == {"review"}
    assert results.table("measures").set_index("subject").loc["a", "lvef_pct_low"] == 56


def test_without_a_calibration_its_columns_are_empty_and_checks_flag(tmp_path):
    members = [("a", "tiny", "a")]
    rows = {(stage, "a"): made for stage, made in judged(0.95).items()}
    results = Results(tmp_path).write({"0000": members}, rows)
    status = results.table("status")
    assert status["status"].tolist() == ["review"]
    assert list(status)[-4:] == [
        "failure_probability",
        "failure_probability_lv",
        "failure_probability_myo",
        "failure_probability_rv",
    ]
    assert status["failure_probability"].isna().all()
    assert results.table("measures")["rvef_pct_high"].isna().all()
