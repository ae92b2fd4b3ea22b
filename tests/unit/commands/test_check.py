"""``cinecohort check``: every mistake of a configuration at once, with its place, before anything is
computed."""

import importlib.util
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from cinecohort.cli import main
from cinecohort.phantom.archive import zip_bytes
from support.nnunet import write_folder

CONFIG = Path(__file__).parents[3] / "config"
SHIPPED = ("config", "acdc", "sunnybrook", "tables", "ukbiobank")


def people(folder: Path, subjects: list[str], **columns) -> None:
    number = np.arange(len(subjects))
    height = 158 + (number * 7) % 30
    table = pd.DataFrame(
        {
            "eid": subjects,
            "sex": np.where(number % 4 < 2, "F", "M"),
            "age_years": 45 + number % 30,
            "height_cm": height,
            "weight_kg": (np.where(number % 2, 33.0, 22.0) * (height / 100) ** 2).round(1),
            "sbp_mmhg": 120 + number % 40,
            "dbp_mmhg": 70 + number % 15,
            "icd10": np.where(number % 3, "", "I210"),
            "self_reported_mi": "no",
            "group": np.where(number % 2, "DCM", "NOR"),
        }
    )
    table.assign(**columns).to_csv(folder / "people.csv", index=False)


def shipped(name: str, folder: Path, real_data: Path) -> dict:
    """A shipped configuration, on made-up data where those that it names are not here."""
    values = yaml.safe_load((CONFIG / f"{name}.yaml").read_text())
    (dataset,) = values["datasets"].values()
    values["results"] = str(folder / "results")
    if name in ("config", "ukbiobank"):
        subjects = [f"SYN{i:04d}" for i in range(20)]
        (folder / "bulk").mkdir()
        for subject in subjects:
            (folder / "bulk" / f"{subject}_20209_2_0.zip").write_bytes(zip_bytes([("a.dcm", b"")]))
        people(folder, subjects)
        dataset |= {"path": str(folder / "bulk"), "participants": str(folder / "people.csv"), "columns": {}}
        dataset.pop("annotations", None)
        values.get("review", {}).pop("assessments", None)
    else:
        dataset["path"] = dataset["path"].replace("../shared/data", str(real_data))
    return values


def check(folder: Path, values: dict, capsys) -> tuple[int, str]:
    (folder / "study.yaml").write_text(yaml.safe_dump(values))
    code = main(["check", str(folder / "study.yaml")])
    return code, "".join(capsys.readouterr())


@pytest.mark.real_data
@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_configurations_and_copies_with_five_mistakes(name, tmp_path, capsys, real_data):
    values = shipped(name, tmp_path, real_data)
    code, said = check(tmp_path, values, capsys)
    assert code == 0, said
    (dataset,) = values["datasets"].values()
    values["shard_sizes"] = 5
    values["models"] = {"sa": [{"name": "unet_fin_sa"}]}
    dataset["withdrawals"] = str(tmp_path / "gone.txt")
    values["agreement"] = {"measures": ["lvedv_mL"]}
    values["studies"] = {
        "own": {
            "exposure": {"label": "A", "condition": "bmmi >= 30"},
            "reference": {"label": "B", "condition": "18.5 <= bmi < 25"},
            "covariates": ["vendor"],
            "outcomes": ["lvedv_ml"],
            "source": "truth" if name == "tables" else "manual",
        }
    }
    began = time.process_time()
    code, said = check(tmp_path, values, capsys)
    assert time.process_time() - began < 10
    assert code == 1
    for mistake in (
        "shard_sizes: is not a known key",
        "unet_fin_sa",
        "gone.txt: there is no such file",
        "agreement.measures: there is no measure `lvedv_mL`; did you mean `lvedv_ml`?",
        "studies.own.exposure.condition: there is no column `bmmi`; did you mean `bmi`?",
    ):
        assert mistake in said, said


def tables(folder: Path, n: int = 40, **columns) -> dict:
    subjects = [f"p{i:04d}" for i in range(n)]
    people(folder, subjects, **columns)
    number = np.arange(n)
    auto = pd.DataFrame({"subject": subjects, "lvedv_ml": 130 + number % 40, "lvm_g": 90 + number % 9})
    auto.to_csv(folder / "auto.csv", index=False)
    study = {
        "exposure": {"label": "Obese", "condition": "bmi >= 30"},
        "reference": {"label": "Normal", "condition": "18.5 <= bmi < 25"},
        "covariates": ["sex", "age_years"],
        "outcomes": ["lvedv_ml"],
    }
    source = {"kind": "auto", "files": [{"path": "auto.csv"}]}
    dataset = {
        "source": "tables",
        "path": str(folder),
        "participants": str(folder / "people.csv"),
        "settings": {"tables": {"auto": source}},
    }
    return {"results": str(folder / "results"), "datasets": {"d": dataset}, "studies": {"s": study}}


def test_a_right_configuration_is_right(tmp_path, capsys):
    code, said = check(tmp_path, tables(tmp_path), capsys)
    assert (code, "nothing stops a run" in said) == (0, True), said


def group(condition: str) -> dict:
    return {"exposure": {"label": "A", "condition": condition}}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"covariates": ["sex", "agee"]}, "s.covariates: there is no column `agee`; did you mean `age"),
        ({"outcomes": ["lvedv"]}, "s.outcomes: there is no measure `lvedv`; did you mean `lvedv_ml`?"),
        ({"source": "net"}, "studies.s.source: there is no model or observer `net`; there is auto."),
        ({"published": "bai2018"}, "studies.s.published: there is no table `bai2018`"),
        (group("group == 'DMC'"), "none of 40 participants meets"),
        (group("group >= 3"), "compares text with numbers"),
        (group("bmi >> 3"), "studies.s.exposure.condition: the condition"),
        ({"exclusions": {"icd10": ["heart attack"]}}, "'heart attack' is no ICD-10 code"),
        ({"exclusions": {"icd10": ["I21"], "before_scan_only": True}}, "map a column to `scan_date`"),
        ({"exclusions": {"conditions": ["diabetes == 1"]}}, "conditions.0: there is no column `diabetes`"),
        ({"matching": {"exact": ["sit"]}}, "studies.s.matching.exact: there is no column `sit`"),
        ({"covariates": ["site"]}, "`site` is empty for all 40 participants"),
        ({"covariates": ["eid"]}, "there is no column `eid`"),
    ],
)
def test_mistakes_of_a_study(tmp_path, capsys, change, sentence):
    values = tables(tmp_path)
    values["studies"]["s"] |= change
    code, said = check(tmp_path, values, capsys)
    assert code == 1, said
    assert sentence in said


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"height_cm": 1.75}, "height_cm: most values look like metres"),
        ({"eid": [f"q{i}" for i in range(40)]}, "has no row of any subject"),
        ({"eid": "p0000"}, "p0000 stands more than once"),
        ({"age_years": "old"}, "'old' is no number"),
        ({"sex": ""}, "`sex` is empty for all 40 participants"),
        ({"sex": "x"}, "no sex is understood"),
        ({"sex": ["1", "2", "9", "2.0"] * 10}, "column sex: '2' beside '1' is not understood as a sex"),
    ],
)
def test_mistakes_of_participants(tmp_path, capsys, columns, sentence):
    code, said = check(tmp_path, tables(tmp_path, **columns), capsys)
    assert code == 1, said
    assert sentence in said


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("eid,sex\np0001,M\xfcller\n".encode("latin-1"), "line 2 has other bytes, as Latin-1"),
        (b"", "is empty; a table with a header line is needed"),
        (b'eid,sex\np0001,"F\np0002,M\n', "quotation mark"),
        (b"name,sex\nx,F\n", "needs a column `subject` or `participant` (or `eid`)"),
        (b"eid,sex,sex\np0001,F,F\n", "has several columns sex"),
    ],
)
def test_damaged_tables_of_participants(tmp_path, capsys, content, sentence):
    values = tables(tmp_path)
    (tmp_path / "people.csv").write_bytes(content)
    code, said = check(tmp_path, values, capsys)
    assert code == 1, said
    assert sentence in said


def test_a_list_of_withdrawals_in_utf_16_is_read_and_one_in_latin_1_refused(tmp_path, capsys):
    values = tables(tmp_path)
    values["datasets"]["d"]["withdrawals"] = str(tmp_path / "gone.txt")
    (tmp_path / "gone.txt").write_bytes("p0001\np0002\n".encode("utf-16"))
    assert check(tmp_path, values, capsys)[0] == 0
    (tmp_path / "gone.txt").write_bytes("p0001\nM\xfcller\n".encode("latin-1"))
    code, said = check(tmp_path, values, capsys)
    assert (code, "datasets.d.withdrawals" in said) == (1, True)


def test_without_datasets_it_is_refused(tmp_path, capsys):
    code, said = check(tmp_path, {"title": "Mine", "dataset": {}}, capsys)
    assert code == 1
    assert "datasets: Field required" in said
    assert "dataset: is not a known key" in said


def test_what_does_not_stop_a_run_is_reported(tmp_path, capsys):
    smoking = [(-3 if i in (4, 7) else i % 3) for i in range(40)]
    weights = [0.0 if i == 3 else 60.0 + 45 * (i % 2) for i in range(40)]
    values = tables(tmp_path, smokes=smoking, weight_kg=weights)
    values["datasets"]["d"]["columns"] = {"smoking": "smokes"}
    values["studies"]["s"]["exclusions"] = {"icd10": ["I20-I25", "J45"]}
    code, said = check(tmp_path, values, capsys)
    assert code == 0, said
    assert "smoking: -3 (2 participants) may be a code" in said
    assert "weight_kg: 1 implausible" in said
    assert "no participant has a diagnosis in J45" in said


def test_an_answer_that_nobody_understands_stops_an_exclusion_by_it(tmp_path, capsys):
    values = tables(tmp_path, self_reported_mi="oui")
    values["studies"]["s"]["exclusions"] = {"self_reported_mi": True}
    code, said = check(tmp_path, values, capsys)
    assert code == 1
    assert "studies.s.exclusions.self_reported_mi: no answer is understood" in said


def test_tables_that_share_no_subject_are_reported(tmp_path, capsys):
    values = tables(tmp_path)
    (tmp_path / "manual.csv").write_text("subject,lvedv_ml\nq1,150\nq2,140\n")
    sources = values["datasets"]["d"]["settings"]["tables"]
    sources["manual"] = {"kind": "manual", "files": [{"path": "manual.csv"}]}
    _, said = check(tmp_path, values, capsys)
    assert "auto and manual share no subject" in said


def test_five_thousand_subjects_take_less_than_ten_seconds(tmp_path, capsys):
    values = tables(tmp_path, n=5000)
    values["studies"]["s"] |= {"covariates": ["agee"], "outcomes": ["lvedv"], "published": "none"}
    values["datasets"]["d"]["withdrawals"] = str(tmp_path / "gone.txt")
    values["titel"] = "slip"
    began = time.process_time()
    code, said = check(tmp_path, values, capsys)
    assert time.process_time() - began < 10
    assert code == 1
    assert "has 5 mistakes" in said


def test_a_table_of_reference_ranges_is_checked_line_by_line(tmp_path, capsys):
    path = tmp_path / "ranges.csv"
    header = "measure,sex,age_from,age_to,mean,sd,source\n"
    path.write_text(header + "lvef,F,45,74,61,5,x\nlvef_pct,F,45,74,61,0,x\n")
    code, said = check(tmp_path, {**tables(tmp_path), "reference_ranges": str(path)}, capsys)
    assert code == 1
    assert f"reference_ranges: {path}: line 2: there is no measure 'lvef'" in said
    assert f"reference_ranges: {path}: line 3: sd is 0" in said
    path.write_text(header + "lvef_pct,F,45,74,61,5,x\n")
    settings = {"table": str(path), "papillary_muscles": "cavity"}
    code, said = check(tmp_path, {**tables(tmp_path), "reference_ranges": settings}, capsys)
    assert code == 0
    assert "has no column papillary_muscles" in said
    gone = {**tables(tmp_path), "reference_ranges": str(tmp_path / "gone.csv")}
    code, said = check(tmp_path, gone, capsys)
    assert (code, "gone.csv: there is no such file" in said) == (1, True)


def test_a_model_folder_of_nnunet_needs_the_package_and_a_known_label(tmp_path, capsys, monkeypatch):
    folder = write_folder(tmp_path / "models")
    values = tables(tmp_path) | {"models": {"sa": [{"name": "acdc", "weights": f"nnunet:{folder}"}]}}
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "nnunetv2" else found(name))
    code, said = check(tmp_path, values, capsys)
    assert code == 1
    assert (
        'models: nnunetv2 is not installed here; install it with `pip install "cinecohort[nnunet]"`' in said
    )
    values["models"]["sa"][0]["weights"] += "/none"
    code, said = check(tmp_path, values, capsys)
    assert code == 1
    assert "models.sa: acdc: " in said
    assert "there is no such model folder of nnU-Net" in said
