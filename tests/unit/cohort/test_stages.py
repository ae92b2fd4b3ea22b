import shutil

import pandas as pd
import pytest

from cinecohort.cohort.gather import gather_results
from cinecohort.cohort.index import IndexedSubject, shards
from cinecohort.cohort.refresh import refresh_index
from cinecohort.cohort.settings import COHORT_TABLES, settings_for
from cinecohort.cohort.stages import finding_rows, run_stage, table_rows
from cinecohort.cohort.versions import STAGES
from cinecohort.config import parse_config
from cinecohort.findings import Finding, Level, Status
from cinecohort.store import Record
from support.tiny_cohort import write_patient

ANNA = IndexedSubject("one-a", "one", "a", "a", "2", "raw")
GAP = Finding("GAP", Level.REVIEW, "A gap.", "sa", (3, 4))
NOTED = Finding("SPACING", Level.INFO, "From pixdim.", "sa")


def record(stage="measure", **changes):
    return Record(**{"stage": stage, "version": 1, "fingerprint": "", "status": Status.REVIEW, **changes})


def test_a_subject_has_one_row_or_one_for_each_of_its_results():
    common = {"subject": "one-a", "dataset": "one", "participant": "a", "visit": "2", "status": "review"}
    (row,) = table_rows("measure", ANNA, record(findings=[NOTED, GAP], values={"n_sources": 0}))
    assert row == {**common, "stage": "measure", "code": "GAP", "reason": "A gap.", "n_sources": 0}
    rows = table_rows("measure", ANNA, record(rows=[{"source": "net"}, {"source": "O1"}]))
    assert [row["source"] for row in rows] == ["net", "O1"]
    assert {row["code"] for row in rows} == {""}


def test_whom_an_earlier_stage_stopped_has_its_state_and_none_of_its_numbers():
    stopped = record("convert", status=Status.EXCLUDED, findings=[GAP], values={"n_slices": 3})
    (row,) = table_rows("measure", ANNA, stopped)
    assert (row["status"], row["stage"], row["code"]) == ("excluded", "convert", "GAP")
    assert "n_slices" not in row
    assert list(finding_rows("measure", [(ANNA, stopped)])) == []


def test_findings_are_reported_once_with_all_that_they_say():
    (first, second) = finding_rows("measure", [(ANNA, record(findings=[GAP, NOTED]))])
    assert (first["subject"], first["stage"], first["level"], first["slices"]) == (
        "one-a",
        "measure",
        "review",
        [3, 4],
    )
    assert second["code"] == "SPACING"


def run_all(config):
    """All stages over all shards in this process, and the gathering: what the workflow does."""
    refresh_index(config)
    for stage in STAGES:
        for shard in shards(config.results):
            run_stage(
                stage,
                settings_for(stage, config),
                config.results / stage / f"{shard}.tsv",
                config.results / stage / f"{shard}.findings.tsv",
            )
    gather_results(settings_for("gather", config), shards(config.results), config.results)


def tables(config):
    folder = config.results / "cohort"
    return {
        name: pd.read_csv(folder / f"{name}.tsv", sep="\t", dtype=str, keep_default_na=False)
        for name in COHORT_TABLES
    }


@pytest.fixture
def cohort(tmp_path):
    for number in (1, 2):
        write_patient(tmp_path / "raw", number)
    (tmp_path / "raw" / "patient003").mkdir()
    return parse_config(
        {
            "results": str(tmp_path / "results"),
            "datasets": {"tiny": {"source": "acdc", "path": str(tmp_path / "raw")}},
        }
    )


def files(config):
    return {
        path.relative_to(config.results).as_posix(): path.read_bytes()
        for path in sorted(config.results.rglob("*"))
        if path.is_file() and path.relative_to(config.results).parts[0] not in ("logs", "cache")
    }


def test_from_raw_files_to_the_cohorts_tables(cohort):
    run_all(cohort)
    made = tables(cohort)
    status = made["status"].set_index("subject")
    assert status["status"]["patient003"] == "excluded"
    assert status["code"]["patient003"] == "MISSING_FRAME"
    assert set(status["status"][["patient001", "patient002"]]) <= {"ok", "review"}
    measures = made["measures"].set_index("subject")
    assert measures["source"].to_dict() == {"patient001": "manual", "patient002": "manual", "patient003": ""}
    edv, esv = (float(measures[f"lv{phase}v_ml"]["patient001"]) for phase in ("ed", "es"))
    assert edv > esv > 0
    flow = made["flow"].set_index("step")
    assert flow["received"]["indexed"] == "3"
    assert flow["received"]["analysed"] == "2"

    before = files(cohort)
    run_all(cohort)
    assert files(cohort) == before

    shutil.rmtree(cohort.datasets["tiny"].path / "patient002")
    run_all(cohort)
    after = tables(cohort)
    for name, table in after.items():
        assert "patient002" not in table.to_csv(), name


def test_a_cohort_of_one_subject_without_any_image(cohort):
    for number in (1, 2):
        shutil.rmtree(cohort.datasets["tiny"].path / f"patient00{number}")
    run_all(cohort)
    made = tables(cohort)
    assert made["status"]["status"].tolist() == ["excluded"]
    assert made["measures"]["subject"].tolist() == ["patient003"]
    assert made["overlap"].empty
    flow = made["flow"].set_index("step")
    assert flow["received"]["analysed"] == "0"


def test_labels_that_were_taken_back_are_measured_no_more(cohort):
    run_all(cohort)
    for label in (cohort.datasets["tiny"].path / "patient001").glob("*_gt.nii.gz"):
        label.unlink()
    run_all(cohort)
    sources = tables(cohort)["measures"].set_index("subject")["source"]
    assert sources["patient001"] == ""
    assert sources["patient002"] == "manual"
    assert not list((cohort.results / "subjects" / "patient001").glob("label_*"))
