"""The data packages of a finished run: every column of its tables is described."""

import csv

from cinecohort.cohort.versions import STAGES
from cinecohort.files import read_json
from cinecohort.ledger.table_schemas import NAME, USERS, describe_column


def test_every_column_of_a_runs_tables_is_described(finished_cohort):
    results = finished_cohort.results
    tables = [
        path
        for folder in ("cohort", "agreement", "study")
        for path in sorted((results / folder).rglob("*.[ct]sv"))
    ]
    assert {path.parent.name for path in tables} >= {"cohort", "agreement"}
    for path in tables:
        with path.open(encoding="utf-8", newline="") as stream:
            header = next(csv.reader(stream, delimiter="\t" if path.suffix == ".tsv" else ","), [])
        package = read_json(path.parent / NAME)
        listed = {each["path"]: each["schema"]["fields"] for each in package["resources"]}
        assert [field["name"] for field in listed.get(path.name, [])] == [name for name in header if name], (
            path
        )
        unknown = [field["name"] for field in listed.get(path.name, []) if field["description"] == USERS]
        assert unknown == [], path


def test_every_column_of_a_stages_tables_is_known(finished_cohort):
    for stage in STAGES:
        tables = sorted((finished_cohort.results / stage).glob("*.tsv"))
        assert tables, stage
        for path in tables:
            header = path.read_text(encoding="utf-8").split("\n")[0].split("\t")
            assert [name for name in header if describe_column(name) is None] == [], path
