"""Measures from tables made elsewhere: ids, repeats, long tables, failures written as zero, real tables."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cinecohort.analyses.agreement_of_tables import agreement_of_tables
from cinecohort.catalogue.measures import DERIVED
from cinecohort.cli import main
from cinecohort.cohort.import_tables import write_cohort_tables
from cinecohort.config import TablesDataset, parse_config
from cinecohort.errors import UserError
from cinecohort.sources.table_options import MeasuresTableOptions
from cinecohort.sources.tables import read_measures
from cinecohort.statistics.options import AgreementOptions


def options(**values) -> MeasuresTableOptions:
    return MeasuresTableOptions.model_validate({"kind": "auto", **values})


def test_ukbb_cardiac_table_with_repeats(tmp_path: Path) -> None:
    (tmp_path / "fcn.csv").write_text(
        ",LVEDV (mL),LVESV (mL)\n1,100,40\n1_rot90,120,60\n2_a,90,30\n2_b,80,30\nx,1,1\n"
    )
    file = {"path": "fcn.csv", "id_pattern": r"(?P<subject>\d+)(?:_(?P<repeat>\w+))?"}
    table = read_measures(tmp_path, options(files=[file]))
    assert table.measures.set_index("subject")["lvedv_ml"].to_dict() == {"1": 100, "2": 90}
    assert table.counts["rows"] == 5
    assert table.counts["further_rows"] == 2
    assert table.counts["other_ids"] == 1
    turned = read_measures(tmp_path, options(files=[file], prefer=["rot90"]))
    assert turned.measures.set_index("subject")["lvedv_ml"].to_dict() == {"1": 120, "2": 90}


def test_rows_that_tell_two_things_of_one_subject_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("subject,lvedv_ml\nA,100\nA,100\nB,90\nB,95\nC,120\n")
    table = read_measures(tmp_path, options(files=[{"path": "a.csv"}]))
    assert table.measures.set_index("subject")["lvedv_ml"].to_dict() == {"A": 100, "B": 90, "C": 120}
    (note,) = table.notes
    assert note.startswith("a.csv: 1 rows give other values of a subject that has a row already, such as B;")


def test_long_table_of_two_phases_beside_a_wide_one(tmp_path: Path) -> None:
    (tmp_path / "wide.csv").write_text("Id,Systole,Diastole\n1,40,100\n")
    (tmp_path / "long.csv").write_text("Id,Volume\n2_Diastole,200\n2_Systole,90\n3_Diastole,150\n")
    names = {"lvedv_ml": "Diastole", "lvesv_ml": "Systole"}
    pattern = r"(?P<subject>\d+)_(?P<measure>\w+)"
    files = [
        {"path": "wide.csv", "subject": "Id", "columns": names},
        {"path": "long.csv", "subject": "Id", "id_pattern": pattern, "value": "Volume", "columns": names},
    ]
    measures = read_measures(tmp_path, options(files=files)).measures.set_index("subject")
    assert measures["lvedv_ml"].to_dict() == {"1": 100, "2": 200, "3": 150}
    assert measures.loc["2", "lvef_pct"] == pytest.approx(55)
    assert np.isnan(measures.loc["3", "lvesv_ml"])
    assert np.isnan(measures.loc["3", "lvsv_ml"])


def test_a_zero_that_is_a_failure_takes_its_function_with_it(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        "subject,lvedv_ml,lvesv_ml,lvsv_ml,lvef_pct,rvedv_ml,rvesv_ml,rvsv_ml\na,90,0,90,100,100,40,60\n"
    )
    files = [{"path": "a.csv"}]
    kept = read_measures(tmp_path, options(files=files)).measures.iloc[0]
    assert kept["lvef_pct"] == 100
    table = read_measures(tmp_path, options(files=files, zero_is_missing=True))
    row = table.measures.iloc[0]
    assert np.isnan([row["lvesv_ml"], row["lvsv_ml"], row["lvef_pct"]]).all()
    assert (row["lvedv_ml"], row["rvsv_ml"]) == (90, 60)
    assert table.counts["zeros"] == 1


def test_units_and_rows_are_chosen(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("subject,method,edv_mm3\na,net,100000\na,other,5\nb,net,failed\n")
    file = {
        "path": "a.csv",
        "where": {"method": "net"},
        "columns": {"lvedv_ml": "edv_mm3"},
        "scale": {"lvedv_ml": 0.001},
    }
    table = read_measures(tmp_path, options(files=[file]))
    assert table.measures["lvedv_ml"].iloc[0] == pytest.approx(100)
    assert table.counts["not_numbers"] == 1


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ({"path": "none.csv"}, "cannot be read"),
        ({"path": "a.csv", "subject": "pid"}, "no column pid"),
        ({"path": "a.csv", "columns": {"lvedv_ml": "EDV"}}, "no column EDV"),
    ],
)
def test_what_is_not_there_is_named(tmp_path: Path, file: dict, message: str) -> None:
    (tmp_path / "a.csv").write_text("subject,x\na,1\n")
    with pytest.raises(UserError, match=message):
        read_measures(tmp_path, options(files=[file]))


def test_mistakes_in_the_settings_are_named_at_once() -> None:
    with pytest.raises(UserError, match=r"datasets\.bowl\.settings\.tables\.a\.kind") as error:
        tables = {"tables": {"a": {"kind": "robot", "files": []}}}
        parse_config({"datasets": {"bowl": {"source": "tables", "path": "x", "settings": tables}}})
    assert "tables.a.files" in str(error.value)


def test_several_datasets_have_prefixed_keys(tmp_path: Path) -> None:
    for name in ("net", "man"):
        (tmp_path / f"{name}.csv").write_text("subject,lvedv_ml\n1,100\n2,120\n")
    tables = {
        n: {"kind": k, "files": [{"path": f"{n}.csv"}]} for n, k in (("net", "auto"), ("man", "manual"))
    }
    dataset = TablesDataset(source="tables", path=tmp_path, settings={"tables": tables})
    write_cohort_tables({"one": dataset, "two": dataset}, tmp_path / "cohort")
    measures = pd.read_csv(tmp_path / "cohort" / "measures.tsv", sep="\t")
    assert set(measures["subject"]) == {"one-1", "one-2", "two-1", "two-2"}
    agreement_of_tables({"one": dataset}, tmp_path / "out", AgreementOptions())
    assert pd.read_csv(tmp_path / "out" / "net-vs-man" / "differences.csv").loc[0, "n"] == 2


@pytest.mark.parametrize(
    ("column", "values", "unit"),
    [
        ("lvedv_ml", "0.15 0.14 0.17 0.2", "litres"),
        ("rvesv_ml", "60000 71000 55000", "mm³"),
        ("lvef_pct", "0.6 0.55 0.62 0.71", "a fraction"),
        ("lvm_g", "0.1 0.09 0.12", "kilograms"),
        ("wt_global_mm", "0.7 0.8 0.9", "centimetres"),
    ],
)
def test_a_measure_that_is_mostly_in_another_unit_is_refused(tmp_path, column, values, unit) -> None:
    rows = "".join(f"s{i},{value}\n" for i, value in enumerate(values.split()))
    (tmp_path / "a.csv").write_text(f"subject,{column}\n{rows}")
    with pytest.raises(UserError, match=f"a.csv: {column}: most values look like {unit}"):
        read_measures(tmp_path, options(files=[{"path": "a.csv"}]))
    file = {"path": "a.csv", "columns": {column: column}, "scale": {column: 1.0}}
    assert len(read_measures(tmp_path, options(files=[file])).measures) == len(values.split())


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("lvedv_ml", "-12"),
        ("lvedv_ml", "0.15"),
        ("lvef_pct", "0.6"),
        ("lvef_pct", "-126"),
        ("lvm_g", "90000"),
    ],
)
def test_single_measures_that_cannot_be_true_are_missing_and_reported(tmp_path, column, value) -> None:
    low = {"lvedv_ml": 130, "lvef_pct": 55, "lvm_g": 85}[column]
    rows = "".join(f"s{i},{low + i}\n" for i in range(5))
    (tmp_path / "a.csv").write_text(f"subject,{column}\n{rows}odd,{value}\n")
    table = read_measures(tmp_path, options(files=[{"path": "a.csv"}]))
    known = table.measures.set_index("subject")
    assert known[column].isna().to_dict() == {**{f"s{i}": False for i in range(5)}, "odd": True}
    assert known["implausible"].dropna().to_dict() == {"odd": column}
    assert table.counts["not_believed"] == 1
    assert table.remarks["odd"][0].value == float(value)


def test_a_ratio_to_volume_is_no_volume(tmp_path) -> None:
    """Its column ends as a volume's does, its values lie far below one."""
    (tmp_path / "a.csv").write_text("subject,lvri_g_ml\n1,0.8\n2,0.7\n3,0.9\n4,0.6\n")
    table = read_measures(tmp_path, options(files=[{"path": "a.csv"}]))
    assert table.measures["lvri_g_ml"].tolist() == [0.8, 0.7, 0.9, 0.6]
    assert table.counts["not_believed"] == 0


def test_a_measure_of_text_is_refused_and_single_texts_are_reported(tmp_path) -> None:
    (tmp_path / "a.csv").write_text("subject,lvedv_ml\na,150 mL\nb,140 mL\nc,130\n")
    with pytest.raises(UserError, match=r"a.csv: lvedv_ml: 2 of 3 cells are no numbers, such as '150 mL'"):
        read_measures(tmp_path, options(files=[{"path": "a.csv"}]))
    (tmp_path / "a.csv").write_text("subject,lvedv_ml\na,150\nb,140\nc,failed\n")
    table = read_measures(tmp_path, options(files=[{"path": "a.csv"}]))
    assert table.measures["lvedv_ml"].isna().tolist() == [False, False, True]
    assert "1 of 3 cells are no numbers, such as 'failed'" in table.notes[0]


def test_volumes_the_wrong_way_round_are_missing(tmp_path) -> None:
    (tmp_path / "a.csv").write_text("subject,lvedv_ml,lvesv_ml\na,150,60\nb,60,150\n")
    table = read_measures(tmp_path, options(files=[{"path": "a.csv"}]))
    assert table.measures["lvedv_ml"].isna().tolist() == [False, True]
    assert table.measures["lvef_pct"].isna().tolist() == [False, True]
    assert "lvesv_ml: 150 is above lvedv_ml of 60" in table.remarks["b"][-1].message


@pytest.mark.parametrize(
    ("rows", "kept"),
    [
        ({"lvedv_ml": 0.4, "lvesv_ml": 0.25}, {"lvm_g", "rvedv_ml", "rvesv_ml", "rvef_pct"}),
        ({"lvesv_ml": 0.25}, {"lvedv_ml", "lvm_g", "lvri_g_ml", "rvedv_ml", "rvesv_ml", "rvef_pct"}),
        ({"lvm_g": 0.6}, {"lvedv_ml", "lvesv_ml", "lvef_pct", "rvedv_ml", "rvesv_ml", "rvef_pct"}),
        ({"rvedv_ml": 50, "rvesv_ml": 80}, {"lvedv_ml", "lvesv_ml", "lvef_pct", "lvm_g", "lvri_g_ml"}),
    ],
)
def test_what_follows_from_an_implausible_measure_is_missing_too(tmp_path, rows, kept) -> None:
    """A stated ejection fraction of 37.5 % looks right, of volumes of 0.4 and 0.25 mL it is not."""
    sound = {
        **{"lvedv_ml": 150, "lvesv_ml": 60, "lvef_pct": 37.5, "lvm_g": 90, "lvri_g_ml": 0.6},
        **{"rvedv_ml": 160, "rvesv_ml": 80, "rvef_pct": 50},
    }
    table = pd.DataFrame([sound | rows] + [sound] * 4).assign(subject=list("abcde"))
    table.to_csv(tmp_path / "a.csv", index=False)
    known = read_measures(tmp_path, options(files=[{"path": "a.csv"}])).measures.set_index("subject")
    blank = set(sound) - kept
    assert set(known.columns[known.loc["a"].isna()]) & set(sound) == blank
    assert set(known.loc["a", "implausible"].split(";")) & set(sound) == blank
    assert known.loc["b", list(sound)].to_dict() == sound


@pytest.mark.parametrize(
    ("odd", "gone"),
    [
        ({"lvedv_ml": 100, "lvesv_ml": 99.5}, {"lvsv_ml", "lvef_pct", "lvco_l_min"}),
        ({"rvedv_ml": 100, "rvesv_ml": 98.5}, {"rvef_pct", "rvco_l_min"}),
        ({"rvedv_ml": 100, "rvesv_ml": 100}, {"rvsv_ml", "rvef_pct", "rvco_l_min"}),
        ({"la_max_ml": 80, "la_min_ml": 79.5}, {"laef_pct"}),
        ({"ra_max_ml": 80, "ra_min_ml": 79.5}, {"raef_pct"}),
        ({"lvedv_ml": 1400, "lvesv_ml": 20, "heart_rate_bpm": 100}, {"lvco_l_min"}),
        ({"lvedv_ml": 10, "lvesv_ml": 5, "lvm_g": 900}, {"lvri_g_ml"}),
    ],
)
def test_what_is_computed_is_held_to_the_limits_of_what_is_stated(tmp_path, odd, gone) -> None:
    """Each volume may be true, the stroke volume or ejection fraction of both is no heart's."""
    sound = {
        **{"lvedv_ml": 150, "lvesv_ml": 60, "rvedv_ml": 160, "rvesv_ml": 70, "lvm_g": 90},
        **{"la_max_ml": 80, "la_min_ml": 40, "ra_max_ml": 80, "ra_min_ml": 40, "heart_rate_bpm": 60},
    }
    pd.DataFrame([sound | odd] + [sound] * 4).assign(subject=list("abcde")).to_csv(
        tmp_path / "a.csv", index=False
    )
    table = read_measures(tmp_path, options(files=[{"path": "a.csv"}]))
    known = table.measures.set_index("subject")
    derived = [measure.column for measure in DERIVED]
    assert known.loc["b", derived].notna().all()
    missing = {name for name in derived if np.isnan(known.loc["a", name])}
    assert missing >= gone
    beyond = {remark.column: remark for remark in table.remarks["a"]}
    assert set(beyond) <= missing
    assert set(known.loc["a", "implausible"].split(";")) == missing
    for remark in beyond.values():
        assert "lies outside" in remark.message and "(computed from" in remark.message
    assert known.loc["a", list(sound)].to_dict() == sound | odd
    stated = known.reset_index()[["subject", *derived]].assign(**{"lvef_pct": [1.5, 55, 55, 55, 55]})
    stated.to_csv(tmp_path / "a.csv", index=False)
    assert np.isnan(read_measures(tmp_path, options(files=[{"path": "a.csv"}])).measures["lvef_pct"][0])


@pytest.mark.parametrize("column", ["lvef_pct", "lvsv_ml", "lvco_l_min", "wt_global_mm", "heart_rate_bpm"])
def test_a_zero_that_no_heart_has_and_no_setting_decides_about_is_missing(tmp_path, column) -> None:
    usual = {"lvco_l_min": 5, "wt_global_mm": 7}.get(column, 60)
    rows = "".join(f"s{i},{usual + i / 10}\n" for i in range(5))
    (tmp_path / "a.csv").write_text(f"subject,{column}\n{rows}odd,0\n")
    table = read_measures(tmp_path, options(files=[{"path": "a.csv"}]))
    assert table.measures[column].isna().tolist() == [False] * 5 + [True]
    assert table.counts["not_believed"] == 1


def test_what_is_computed_of_doubted_volumes_is_remarked_on_once(tmp_path) -> None:
    (tmp_path / "a.csv").write_text("subject,lvedv_ml,lvesv_ml\na,150,60\nb,9000,60\nc,150,0.2\nd,60,150\n")
    table = read_measures(tmp_path, options(files=[{"path": "a.csv"}]))
    assert {subject: len(listed) for subject, listed in table.remarks.items()} == {"b": 1, "c": 1, "d": 1}
    assert table.counts["not_believed"] == 3


@pytest.mark.parametrize(
    ("stated", "gone"),
    [
        ({"lvef_pct": 45}, {"lvedv_ml", "lvesv_ml", "lvsv_ml", "lvef_pct", "lvri_g_ml"}),
        ({"lvsv_ml": 60, "rvef_pct": 20}, {"lvedv_ml", "lvesv_ml", "lvsv_ml", "lvef_pct", "lvri_g_ml"}),
        ({"lvef_pct": 57.5, "lvsv_ml": 93}, set()),
        ({"lvef_pct": 45, "lvesv_ml": 9000}, {"lvesv_ml", "lvsv_ml", "lvef_pct"}),
    ],
)
def test_an_ejection_fraction_that_is_not_that_of_its_volumes_is_missing_with_them(
    tmp_path, stated, gone
) -> None:
    sound = {"lvedv_ml": 150, "lvesv_ml": 60, "lvsv_ml": 90, "lvef_pct": 60, "lvm_g": 90, "rvef_pct": 50}
    rows = pd.DataFrame([sound | stated] + [sound] * 4).assign(subject=list("abcde"))
    rows.to_csv(tmp_path / "a.csv", index=False)
    table = read_measures(tmp_path, options(files=[{"path": "a.csv"}]))
    known = table.measures.set_index("subject")
    assert known.drop(columns="implausible").loc["b"].notna().all()
    assert set(known.columns[known.loc["a"].isna()]) - {"implausible"} == gone
    assert set(table.remarks) == ({"a"} if gone else set())
    if gone == {"lvesv_ml", "lvsv_ml", "lvef_pct"}:
        assert [remark.column for remark in table.remarks["a"]] == ["lvesv_ml"]
    elif gone:
        assert "150 and lvesv_ml of 60, which give" in table.remarks["a"][0].message


@pytest.mark.parametrize(("rows", "wrong", "used"), [(5, 5, 5), (20, 3, 20), (20, 2, 18), (5, 1, 4)])
def test_ejection_fractions_of_another_method_are_used_and_said(tmp_path, rows, wrong, used) -> None:
    """In more than a tenth of the rows it is no slip."""
    text = "".join(f"s{i},150,60,{40 if i < wrong else 60}\n" for i in range(rows))
    (tmp_path / "a.csv").write_text(f"subject,lvedv_ml,lvesv_ml,lvef_pct\n{text}")
    table = read_measures(tmp_path, options(files=[{"path": "a.csv"}]))
    assert table.measures["lvef_pct"].notna().sum() == used
    assert len(table.remarks) == rows - used
    said = f"a.csv: lvef_pct is not what lvedv_ml and lvesv_ml give in {wrong} of {rows} rows"
    assert any(said in note for note in table.notes) == (used == rows)


@pytest.mark.real_data
def test_published_network_against_truth_in_one_command(
    real_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    text = (Path(__file__).parents[3] / "config" / "tables.yaml").read_text()
    config = tmp_path / "tables.yaml"
    config.write_text(text.replace("../shared/data/kaggle_tables", str(real_data / "kaggle_tables")))
    out = tmp_path / "out"
    assert main(["agree", "--config", str(config), "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "1140 subjects from 1396 rows (256 further rows of the same subject" in printed
    assert (out / "bland_altman_grid.svg").is_file()
    differences = pd.read_csv(out / "fcn-vs-truth" / "differences.csv").set_index("measure")
    assert (differences["n"] + differences["n_missing"] == 1140).all()
    fcn = pd.read_csv(real_data / "kaggle_tables" / "ukbb_ventricular_volumes.csv", index_col=0)
    truth = pd.read_csv(real_data / "kaggle_tables" / "patient_metadata.tsv", sep="\t", dtype={"pid": str})
    truth["pid"] = truth["pid"].str.split("_").str[0]
    diastole = truth.drop_duplicates("pid").set_index("pid")["Diastole"]
    patients = {key.split("_")[0] for key in fcn.index.astype(str)}
    chosen = {p: next(k for k in (f"{p}_rot90", p, f"{p}_a") if k in fcn.index.astype(str)) for p in patients}
    rows = fcn.set_axis(fcn.index.astype(str)).loc[list(chosen.values())].set_axis(list(chosen))
    # Volumes of zero are failures, those below 1 mL are of no heart, nor is a larger end-systole.
    values = rows["LVEDV (mL)"][(rows["LVEDV (mL)"] >= 1) & (rows["LVESV (mL)"] <= rows["LVEDV (mL)"])]
    expected = (values - diastole[values.index]).abs()
    assert differences.loc["lvedv_ml", "n"] == len(expected)
    assert differences.loc["lvedv_ml", "absolute_mean"] == pytest.approx(expected.mean(), abs=1e-8)
    assert differences.loc["lvedv_ml", "absolute_sd"] == pytest.approx(expected.std(), abs=1e-8)
