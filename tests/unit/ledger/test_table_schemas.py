"""The data package beside tables: every column has type and meaning, and the package keeps the standard."""

import csv
import re
from importlib import resources

import pandas as pd
import pytest

from cinecohort.calibration.model import PREDICTORS
from cinecohort.catalogue.covariates import COVARIATES
from cinecohort.catalogue.measures import MEASURES
from cinecohort.files import read_json
from cinecohort.ledger.columns import COHORT, KINDS
from cinecohort.ledger.table_schemas import USERS, describe_column, describe_tables, field
from cinecohort.quality.predictors import BY_NETWORKS, CHECKED, PREFIX

TYPES = {"string", "number", "integer", "boolean", "any"}
"""Types of Frictionless' Table Schema that are used here."""


def check_package(package: dict) -> None:
    """Check a descriptor by the rules of Data Package and Table Schema (version 1) that bind it."""
    assert re.fullmatch(r"[a-z0-9._-]+", package["name"])
    assert package["resources"]
    names = [each["name"] for each in package["resources"]]
    assert len(set(names)) == len(names)
    for each in package["resources"]:
        assert re.fullmatch(r"[a-z0-9._-]+", each["name"])
        assert not each["path"].startswith(("/", ".."))
        fields = each["schema"]["fields"]
        assert fields
        for one in fields:
            assert one["type"] in TYPES
            assert one["description"].strip()


@pytest.mark.parametrize(
    ("name", "kind", "unit", "words"),
    [
        ("lvedv_ml", "number", "mL", "left ventricular end-diastolic volume: sum of the slices' areas"),
        ("lvm_g_i", "number", "g/m²", "left ventricular myocardial mass over body surface area"),
        ("lvef_pct_z", "number", "", "z-score of the left ventricular ejection fraction"),
        ("lvef_pct_low", "number", "%", "lower end of the interval"),
        ("sa_efc", "number", "", "entropy focus criterion"),
        ("la_4ch_ra_min_voxels", "number", "", "(4-chamber, RA cavity)"),
        ("bias_ci_low", "number", "", "lower end of the confidence interval: mean difference"),
        ("mcd_mm_mean", "number", "mm", "mean: mean contour distance"),
        ("published_spearman", "any", "", "of the paper: "),
        ("lvef_pct_second", "number", "%", "by the second of the two that are compared: left ventricular"),
        ("predictor_lv_fragment_share", "number", "", "failed segmentation, at end-diastole"),
        ("predictor_lv_fragment_share", "number", "", "largest connected piece (LV cavity)"),
        ("predictor_rv_roughness", "number", "", "unevenness of the radii along the stack (RV cavity)"),
        ("subject", "string", "", "key of the subject"),
    ],
)
def test_a_column_in_words(name, kind, unit, words):
    found = describe_column(name)
    assert found is not None
    assert (found.type, found.unit) == (kind, unit)
    assert words in found.description


def test_a_name_of_nobody_is_the_users():
    assert describe_column("favourite_colour") is None
    for name in ("predictor_colour", "favourite_fragment_share", "sa_heart_min_voxels", "n_colours_z"):
        assert describe_column(name) is None, name
    assert field("favourite_colour") == {"name": "favourite_colour", "type": "any", "description": USERS}
    assert field("age_years", "participants")["type"] == "number"


@pytest.mark.parametrize("name", sorted({*KINDS, *(c for table in COHORT.values() for c in table.columns)}))
def test_every_column_that_the_package_names_is_described(name):
    assert describe_column(name) is not None


def test_measures_and_participants_columns_are_described():
    names = [*(measure.column for measure in MEASURES), *(covariate.column for covariate in COVARIATES)]
    assert [name for name in names if describe_column(name) is None] == []


def test_every_predictor_that_is_written_is_described():
    columns = [f"{PREFIX}{name}" for name in CHECKED]
    columns += [f"{PREFIX}{part}_{ending}" for ending in BY_NETWORKS for part in ("lv", "myo", "rv")]
    columns += [f"{PREFIX}{name}" for names in PREDICTORS.values() for name in names]
    assert [name for name in columns if describe_column(name) is None] == []


def test_the_list_names_no_column_twice_and_no_unknown_type():
    path = resources.files("cinecohort.ledger") / "columns.tsv"
    rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines(), delimiter="\t"))
    names = [row["column"] for row in rows]
    assert len(names) == len(set(names))
    assert {row["type"] for row in rows} <= TYPES
    assert all(row["description"] for row in rows)


def test_the_package_names_every_table_and_column_in_its_order(tmp_path):
    folder = tmp_path / "Größe vs Ö"
    folder.mkdir()
    pd.DataFrame({"subject": ["1"], "lvedv_ml": [150.0], "seen_in_training": [True]}).to_csv(
        folder / "measures.tsv", sep="\t", index=False
    )
    (folder / "differences.csv").write_text("measure,n\nlvedv_ml,3\n")
    (folder / "empty.csv").write_text("\n")
    (folder / "not ours.csv").write_bytes(b"\xff\xfe")
    names = ["measures.tsv", "differences.csv", "empty.csv"]
    path = describe_tables(folder, names, "Some tables")
    package = read_json(path)
    check_package(package)
    assert [each["path"] for each in package["resources"]] == ["differences.csv", "measures.tsv"]
    measures = package["resources"][1]
    assert measures["dialect"] == {"delimiter": "\t"}
    fields = measures["schema"]["fields"]
    assert [(one["name"], one["type"]) for one in fields] == [
        ("subject", "string"),
        ("lvedv_ml", "number"),
        ("seen_in_training", "boolean"),
    ]
    before = path.read_bytes()
    assert describe_tables(folder, names, "Some tables").read_bytes() == before
