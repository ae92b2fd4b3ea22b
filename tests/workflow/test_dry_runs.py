"""Reading a workflow changes nothing, and a dry run names the jobs of the run."""

import re

import pytest

from cinecohort.cohort.shards import shard_of
from cinecohort.cohort.versions import STAGES, VERSIONS
from cinecohort.review.simulated import write_assessments
from support.tiny_cohort import Cohort, with_fault, write_patient
from support.workflow_runs import FIRST, NOTHING, SECOND, jobs_of, state

READING = ("--dry-run", "--lint", "--list", "--summary", "--dag", "--unlock")


@pytest.fixture
def withdrawing_cohort(cohort):
    """A finished cohort, of which then one subject changes, one comes and one withdraws."""
    write_patient(cohort.raw, 1, scale=1.2)
    write_patient(cohort.raw, 6)
    (cohort.folder / "withdrawn.txt").write_text(f"{SECOND}\n")
    dataset = {"source": "acdc", "path": "raw", "withdrawals": "withdrawn.txt"}
    cohort.configure(datasets={"tiny": dataset})
    return cohort


def test_reading_the_workflow_changes_nothing_and_names_the_jobs_of_the_run(withdrawing_cohort):
    cohort = withdrawing_cohort
    before = state(cohort.results)
    printed = {}
    for argument in READING:
        printed[argument] = cohort.snakemake(argument)
        assert "Index: 5 subjects, 1 new" in printed[argument]
        assert state(cohort.results) == before, argument
    assert "Congratulations" in printed["--lint"]
    for rule in ("all", "phenotypes", *set(VERSIONS) - {"import_tables"}):
        assert re.search(rf"^{rule} \(.{{20,}}\)$", printed["--list"], re.MULTILINE), rule
    planned = jobs_of(printed["--dry-run"])
    printed = cohort.snakemake()
    assert jobs_of(printed) == planned
    shards = {shard for rule, shard in planned if rule == "convert"}
    assert shards == {shard_of(f"patient{number:03d}", 2) for number in (1, 2, 6)}
    assert ("withdraw", "") in planned
    assert not (cohort.results / "subjects" / SECOND).exists()
    assert NOTHING in cohort.snakemake()


def test_a_dry_run_of_a_new_cohort_makes_no_results_folder(tmp_path):
    cohort = Cohort(tmp_path)
    write_patient(cohort.raw, 1)
    cohort.configure(studies={})
    printed = cohort.snakemake("--dry-run")
    assert "Index: 1 subjects, 1 new" in printed
    assert ("report", "") in jobs_of(printed)
    assert not cohort.results.exists()


def test_the_blinded_assessment_is_made_before_its_scores_are_read(tmp_path):
    cohort = Cohort(tmp_path)
    write_patient(cohort.raw, 1)
    write_assessments(tmp_path / "scores", ["patient001"], 1)
    scores = [f"scores/simulated_{number}.tsv" for number in (1, 2)]
    cohort.configure(studies={}, review={"blinded": {"sample": 3}, "assessments": scores})
    printed = cohort.snakemake("results/agreement", "--dry-run")
    assert {("blinded", ""), ("agreement", "")} <= set(jobs_of(printed))
    cohort.configure(studies={}, review={"assessments": scores})
    assert "`blinded` asks for; set it as well" in cohort.snakemake("--dry-run", check=False)


def test_only_shards_with_a_change_are_named(cohort):
    write_patient(cohort.raw, 1, scale=1.2)
    before = state(cohort.results)
    printed = cohort.snakemake("--dry-run")
    planned = jobs_of(printed)
    assert {shard for _, shard in planned} == {"", shard_of(FIRST, 2)}
    assert {rule for rule, shard in planned if shard} == set(STAGES)
    assert "1 changed (patient001: " in printed
    assert state(cohort.results) == before


def test_the_plan_of_a_run_is_what_snakemake_does(cohort):
    """The summary is made from a part of Snakemake that is not public; see rules/cohort_common.smk."""
    write_patient(cohort.raw, 1, scale=1.2)
    cohort.environment = with_fault("fail convert -")
    planned = jobs_of(cohort.snakemake("--dry-run"))
    cohort.snakemake(check=False)
    summary = (cohort.results / "summary.txt").read_text()
    shard = shard_of(FIRST, 2)
    assert f"Not finished: convert/{shard}" in summary or "were not begun" in summary
    waiting = int(re.search(r"(\d+) more jobs were not begun", summary)[1])
    finished = len(re.findall(r"^(?:run_record) ", summary, re.MULTILINE))
    assert waiting + finished + summary.count("Not finished: ") == len(planned)


def test_a_corrected_label_map_redoes_what_follows_from_it(cohort):
    corrections = cohort.folder / "corrections"
    corrections.mkdir()
    cohort.configure(review={"corrections": "corrections"})
    shared = {("gather", ""), ("agreement", ""), ("group_study", ""), ("review", ""), ("report", "")}
    planned = set(jobs_of(cohort.snakemake("--dry-run")))
    assert not {shard for _, shard in planned} - {""}, "an empty folder corrects nobody"
    (corrections / f"{FIRST}_sa.nii.gz").write_bytes(b"a label map")
    planned = set(jobs_of(cohort.snakemake("--dry-run")))
    shard = shard_of(FIRST, 2)
    redone = {(stage, shard) for stage in ("segmentation_quality", "measure", "evaluate")}
    assert redone <= planned <= redone | shared | {("run_record", "")}
    (corrections / "patient099_sa.nii.gz").write_bytes(b"of nobody")
    printed = cohort.snakemake("--dry-run", check=False)
    assert "patient099_sa.nii.gz belong to no subject and view of this run" in printed
