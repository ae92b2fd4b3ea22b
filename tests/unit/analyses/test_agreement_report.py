"""The agreement stage on a small made-up cohort: which comparisons, which tables, same bytes twice."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cinecohort.analyses.agreement_files import run
from cinecohort.analyses.agreement_report import reliability_of_observers
from cinecohort.statistics.cases import choose_cases
from cinecohort.statistics.comparisons import MeasureSources, comparisons
from cinecohort.statistics.datasets import describe_datasets
from cinecohort.statistics.options import AgreementOptions

MEASURES = ("lvedv_ml", "lvesv_ml")


def cohort_measures(
    n: int = 12, observers: tuple[str, ...] = ("O1", "O2", "O3"), seed: int = 0
) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    rows = []
    for index in range(n):
        truth = random.normal([150, 60], [30, 15])
        kinds = [("net", "auto", frames) for frames in ("own", *observers)]
        kinds += [("other", "auto", frames) for frames in ("own", *observers)]
        kinds += [(name, "manual", name) for name in observers]
        for source, kind, frames in kinds:
            row = {
                "subject": f"S{index:02d}",
                "dataset": "d",
                "source": source,
                "kind": kind,
                "frames": frames,
            }
            rows.append(
                row
                | dict(zip(MEASURES, truth + random.normal(0, 3, 2), strict=True))
                | {"ed_frame": 0, "heart_rate_bpm": 60.0, "status": "ok"}
            )
    return pd.DataFrame(rows)


def cohort_overlap(measures: pd.DataFrame) -> pd.DataFrame:
    random = np.random.default_rng(1)
    rows = []
    for subject in measures["subject"].unique():
        for source, reference in (("net", "O1"), ("other", "O1"), ("O1", "O2"), ("O1", "O3"), ("O2", "O3")):
            for frame, role in ((0, "ed"), (9, "es")):
                for structure in ("LV", "RV"):
                    rows.append(
                        {
                            "subject": subject,
                            "dataset": "d",
                            "view": "sa",
                            "source": source,
                            "reference": reference,
                            "frame": frame,
                            "role": role,
                            "structure": structure,
                            "position": "all",
                            "dice": random.uniform(0.7, 1),
                            "mcd_mm": random.uniform(0.5, 2),
                            "hd_mm": random.uniform(2, 5),
                            "hd_max_mm": 6.0,
                            "n_slices": 9,
                            "n_skipped": 0,
                        }
                    )
    return pd.DataFrame(rows)


def write(folder: Path, measures: pd.DataFrame, overlap: pd.DataFrame) -> list[Path]:
    people = pd.DataFrame({"subject": measures["subject"].unique(), "dataset": "d"})
    people["vendor"], people["group"] = "Siemens", ["DCM", "NOR"] * (len(people) // 2)
    paths = []
    for name, table in (("measures", measures), ("overlap", overlap), ("participants", people)):
        table.to_csv(folder / f"{name}.tsv", sep="\t", index=False)
        paths.append(folder / f"{name}.tsv")
    return paths


def made(measures: pd.DataFrame) -> list[tuple[str, int]]:
    sources = MeasureSources.of(measures, ("ok", "review"))
    return [(one.folder, len(one.first)) for one in comparisons(sources)]


def test_every_model_meets_every_observer_at_both_frames_and_observers_go_round() -> None:
    names = [name for name, _ in made(cohort_measures(4))]
    for model in ("net", "other"):
        for observer in ("O1", "O2", "O3"):
            assert f"{model}-vs-{observer}" in names
            assert f"{model}-own-frames-vs-{observer}" in names
        assert f"{model}-vs-mean-of-observers" in names
    assert names[-3:] == ["O1-vs-O2", "O2-vs-O3", "O3-vs-O1"]
    assert len(names) == 2 * 7 + 3


def test_the_observers_frames_are_compared_with_that_observer() -> None:
    measures = cohort_measures(4)
    measures.loc[(measures["source"] == "net") & (measures["frames"] == "O2"), "lvedv_ml"] = -1.0
    sources = MeasureSources.of(measures, ("ok",))
    by_name = {one.folder: one for one in comparisons(sources)}
    assert (by_name["net-vs-O2"].first["lvedv_ml"] == -1).all()
    assert (by_name["net-own-frames-vs-O2"].first["lvedv_ml"] > 0).all()
    assert (by_name["net-vs-O1"].first["lvedv_ml"] > 0).all()


def test_z_scores_and_ends_of_intervals_are_not_compared() -> None:
    """They say more of a measure that is compared itself; a relative difference of z-scores means nothing."""
    measures = cohort_measures(4).assign(lvm_g_i=50.0)
    more = dict.fromkeys(("lvef_pct_z", "lvm_g_i_z", "lvedv_ml_low", "lvedv_ml_high"), 1.5)
    assert MeasureSources.of(measures.assign(**more), ("ok",)).measures == [*MEASURES, "lvm_g_i"]


def test_rows_of_excluded_subjects_take_no_part() -> None:
    measures = cohort_measures(4)
    measures.loc[measures["subject"] == "S00", "status"] = "excluded"
    assert {n for _, n in made(measures)} == {3}


def test_a_measure_that_one_side_lacks_and_an_observer_without_subjects() -> None:
    measures = cohort_measures(4)
    measures.loc[measures["source"] == "O3", "lvesv_ml"] = np.nan
    sources = MeasureSources.of(measures, ("ok",))
    by_name = {one.folder: one for one in comparisons(sources)}
    assert list(by_name["net-vs-O3"].first.columns) == ["subject", "lvedv_ml"]
    assert list(by_name["net-vs-O1"].first.columns) == ["subject", *MEASURES]
    alone = measures[(measures["source"] != "O3") | (measures["subject"] == "none")]
    assert not [name for name, _ in made(alone) if "vs-O3" in name]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cohort")
    measures = cohort_measures(6).drop(columns="lvesv_ml")
    run(*write(folder, measures, cohort_overlap(measures)), folder / "agreement", AgreementOptions())
    return folder / "agreement"


def test_every_table_is_there(results: Path) -> None:
    names = {path.name for path in results.iterdir() if path.is_file()}
    assert {
        "comparisons.csv",
        "all_differences.csv",
        "all_bland_altman.csv",
        "all_correlation.csv",
        "reliability.csv",
        "equivalence.csv",
        "overlap.csv",
        "overlap_by_frame.csv",
        "overlap_by_vendor.csv",
        "overlap_by_pathology.csv",
        "cases.csv",
        "datasets.csv",
        "published_differences.csv",
        "published_overlap.csv",
        "bland_altman_grid.svg",
        "bland_altman_models.svg",
        "dice_boxplot.svg",
    } <= names
    listed = pd.read_csv(results / "comparisons.csv")
    for folder in listed["folder"]:
        for name in (
            "differences.csv",
            "bland_altman.csv",
            "correlation.csv",
            "bland_altman.svg",
            "correlation.svg",
        ):
            assert (results / folder / name).is_file()
    assert listed.loc[listed["first"] == "net", "primary"].all()
    assert not listed.loc[listed["first"] == "other", "primary"].any()


def test_the_tables_of_all_are_those_of_the_folders(results: Path) -> None:
    every = pd.read_csv(results / "all_differences.csv").set_index(["folder", "measure"])
    one = pd.read_csv(results / "net-vs-O2" / "differences.csv").set_index("measure")
    assert every.loc[("net-vs-O2", "lvedv_ml"), "absolute_mean"] == one.loc["lvedv_ml", "absolute_mean"]


def test_automatic_is_a_further_rater_and_a_further_observer(results: Path) -> None:
    reliability = pd.read_csv(results / "reliability.csv")
    assert set(reliability["raters"]) >= {"O1+O2+O3", "O1+O2+O3+net", "O1+O2", "net+O1"}
    equivalence = pd.read_csv(results / "equivalence.csv")
    assert set(equivalence["test"]) == {"absolute difference", "bias", "overlap"}
    assert set(equivalence["source"]) == {"net", "other"}


def test_a_rater_without_the_measure_is_in_no_panel_of_it() -> None:
    measures = cohort_measures(6)
    measures.loc[measures["source"] == "other", "lvesv_ml"] = np.nan
    sources = MeasureSources.of(measures, ("ok",))
    table = reliability_of_observers(sources, AgreementOptions())
    panels = {name: set(part["raters"]) for name, part in table.groupby("measure")}
    assert "O1+O2+O3+other" in panels["lvedv_ml"]
    assert {"O1+O2+O3", "O1+O2+O3+net"} <= panels["lvesv_ml"]
    assert not [raters for raters in panels["lvesv_ml"] if "other" in raters]


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    measures = cohort_measures(4, observers=("O1",))
    tables = write(tmp_path, measures[measures["source"] != "other"], cohort_overlap(measures))
    for name in ("once", "again"):
        run(*tables, tmp_path / name, AgreementOptions())
    paths = [path for path in (tmp_path / "once").rglob("*") if path.is_file()]
    assert any(path.suffix == ".svg" for path in paths)
    for path in paths:
        assert (tmp_path / "again" / path.relative_to(tmp_path / "once")).read_bytes() == path.read_bytes()


def test_a_cohort_without_observers_gives_empty_tables(tmp_path: Path) -> None:
    measures = cohort_measures(4, observers=())
    overlap = cohort_overlap(measures).head(0)
    run(*write(tmp_path, measures, overlap), tmp_path / "agreement", AgreementOptions())
    for name in ("comparisons", "all_differences", "reliability", "equivalence", "overlap", "cases"):
        assert pd.read_csv(tmp_path / "agreement" / f"{name}.csv").empty


def test_cases_are_the_lowest_and_highest_dice_with_their_reason() -> None:
    overlap = cohort_overlap(cohort_measures(6))
    overlap.loc[(overlap["subject"] == "S03") & (overlap["frame"] == 9), "dice"] = 0.1
    status = pd.DataFrame({"subject": ["S03"], "status": ["review"], "code": ["S1"], "reason": ["two parts"]})
    cases = choose_cases(overlap, ["net"], None, status, count=2)
    assert set(cases["source"]) == {"net"}
    assert len(cases) == 4
    worst = cases.iloc[0]
    assert (worst["which"], worst["rank"], worst["subject"], worst["role"]) == ("worst", 1, "S03", "es")
    assert worst["dice"] == pytest.approx(0.1)
    assert worst["reason"] == "two parts"
    best = cases[cases["which"] == "best"]["dice"]
    assert best.iloc[0] >= best.iloc[1] > cases[cases["which"] == "worst"]["dice"].max()


def test_description_of_datasets() -> None:
    people = pd.DataFrame(
        {
            "subject": ["a", "b", "c"],
            "dataset": "d",
            "group": ["DCM", "DCM", "NOR"],
            "site": ["1", "2", None],
            "scanner": "Aera",
            "vendor": "Siemens",
            "field_t": [1.5, 1.5, 3.0],
        }
    )
    conversion = pd.DataFrame(
        {"subject": ["a", "b"], "dx_mm": [1.8, 1.4], "dy_mm": [1.8, 1.4], "dz_mm": 10.0}
    )
    (row,) = describe_datasets(people, conversion).to_dict("records")
    assert row["n_subjects"] == 3
    assert row["cohort"] == "DCM (66.7%); NOR (33.3%)"
    assert row["n_sites"] == 2
    assert row["scanners"] == "1.5 T, Aera, Siemens (66.7%); 3 T, Aera, Siemens (33.3%)"
    assert (row["in_plane_mm"], row["slice_spacing_mm"]) == ("1.4-1.8", "10")


def test_who_takes_part_is_known_from_the_status_table(tmp_path: Path) -> None:
    measures = cohort_measures(4, observers=("O1",)).drop(columns="status")
    tables = write(tmp_path, measures, cohort_overlap(measures).head(0))
    status = pd.DataFrame(
        {"subject": [f"S{i:02d}" for i in range(4)], "status": ["excluded", "ok", "review", "ok"]}
    )
    status.assign(code="", reason="").to_csv(tmp_path / "status.tsv", sep="\t", index=False)
    run(*tables, tmp_path / "out", AgreementOptions(), status_tsv=tmp_path / "status.tsv")
    assert set(pd.read_csv(tmp_path / "out" / "comparisons.csv")["n"]) == {3}


def test_tables_of_stages_that_made_no_row(tmp_path: Path) -> None:
    for name in ("measures", "overlap", "participants"):
        (tmp_path / f"{name}.tsv").write_text("\n")
    paths = [tmp_path / f"{name}.tsv" for name in ("measures", "overlap", "participants")]
    run(*paths, tmp_path / "out", AgreementOptions())
    assert pd.read_csv(tmp_path / "out" / "comparisons.csv").empty
