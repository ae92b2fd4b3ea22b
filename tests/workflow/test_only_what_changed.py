"""What reruns after each kind of change, by digests and times of all files before and after."""

import os
import re
import shutil
import signal
import time
from contextlib import suppress

import pytest

from cinecohort.cohort.shards import shard_of
from cinecohort.cohort.versions import STAGES, VERSIONS
from support.tiny_cohort import ROOT, Cohort, with_fault, write_patient
from support.tiny_weights import write_weights

NOTHING = "Nothing to be done"
FIRST, SECOND = "patient001", "patient002"


def changed(before, after):
    return {name for name in before.keys() & after.keys() if before[name] != after[name]}


def subjects_of(names):
    return {name.split("/")[1] for name in names if name.startswith("subjects/")}


def test_a_second_run_does_nothing(cohort):
    before = cohort.files()
    assert NOTHING in cohort.snakemake()
    assert cohort.files() == before


def test_a_replaced_subject_is_redone_and_nobody_elses_files_change(finished_cohort, changed_cohort):
    cohort, printed = changed_cohort
    before, after = finished_cohort.files(), cohort.files()
    assert "1 changed (patient001: " in printed
    assert "bytes instead of" in (cohort.results / "logs" / "changes.tsv").read_text()
    assert subjects_of(changed(before, after)) == {FIRST}
    assert before.keys() == after.keys()
    assert "cohort/measures.tsv" in changed(before, after)
    assert NOTHING in cohort.snakemake()


def test_an_added_subject_is_the_only_one_worked_on(cohort):
    before = cohort.files()
    write_patient(cohort.raw, 6)
    printed = cohort.snakemake()
    after = cohort.files()
    assert "6 subjects, 1 new" in printed
    assert subjects_of(changed(before, after)) == set()
    assert subjects_of(after.keys() - before.keys()) == {"patient006"}
    assert "patient006" in (cohort.results / "cohort" / "measures.tsv").read_text()


def test_a_removed_subject_leaves_the_index_and_the_tables(cohort):
    before = cohort.files()
    shutil.rmtree(cohort.raw / SECOND)
    printed = cohort.snakemake()
    after = cohort.files()
    assert "1 gone (patient002)" in printed
    assert subjects_of(changed(before, after)) == set()
    for table in (cohort.results / "cohort").glob("*.tsv"):
        assert SECOND not in table.read_text(), table.name
    assert NOTHING in cohort.snakemake()


def test_a_touched_raw_file_is_not_redone(cohort):
    before = cohort.contents()
    store = cohort.files("subjects")
    os.utime(next((cohort.raw / FIRST).glob("*frame01.nii.gz")))
    cohort.snakemake()
    assert cohort.files("subjects") == store
    index = {name for name in before if name.startswith("index/")}
    after = cohort.contents()
    assert {name for name in before if before[name] != after[name]} <= index | {
        "run.json",
        "report.pdf",
        "summary.txt",
    }


def test_a_statistics_setting_touches_no_subject(cohort):
    before = cohort.files()
    cohort.configure(agreement={"limit_factor": 2.0})
    printed = cohort.snakemake()
    after = cohort.files()
    assert "rule agreement" in printed
    assert "rule report" in printed
    assert "rule convert" not in printed
    assert before.keys() == after.keys()
    parts = {name.split("/")[0] for name in changed(before, after)}
    assert {"report.pdf", "run.json"} <= parts <= {"agreement", "report.pdf", "run.json", "summary.txt"}


def test_a_measure_setting_starts_at_the_measures(cohort):
    before = cohort.files("subjects")
    cohort.configure(measures={"myocardial_density_g_ml": 1.06})
    cohort.snakemake()
    after = cohort.files("subjects")
    assert {name.split("/")[2] for name in changed(before, after)} <= {"measure.json", "curves.json"}
    assert len(subjects_of(changed(before, after))) == 5


def test_touching_every_file_of_the_workflow_reruns_nothing(cohort, tmp_path):
    clone = tmp_path / "clone"
    ignored = shutil.ignore_patterns(".venv", ".git", "data", "results", ".snakemake", "*cache*")
    shutil.copytree(ROOT, clone, ignore=ignored, copy_function=shutil.copy)
    before = cohort.files()
    cohort.checkout = clone
    assert NOTHING in cohort.snakemake()
    assert cohort.files() == before


def test_other_weights_start_at_the_segmentation_for_everybody(cohort, tmp_path):
    weights = tmp_path / "tiny.safetensors"
    write_weights(weights, seed=1)
    cohort.configure(models={"sa": [{"name": "tiny", "weights": str(weights)}]})
    cohort.snakemake("phenotypes")
    before = cohort.files()
    write_weights(weights, seed=2)
    printed = cohort.snakemake("phenotypes")
    after = cohort.files()
    assert "rule convert" not in printed
    assert "rule image_quality" not in printed
    assert before.keys() == after.keys()
    redone = changed(before, after)
    for file in ("segment.json", "seg_sa.nii.gz", "measure.json", "evaluate.json"):
        assert {name for name in redone if name.endswith(f"/{file}")} == {
            f"subjects/patient{number:03d}/{file}" for number in range(1, 6)
        }
    kept = ("convert.json", "image_quality.json", "sa.nii.gz", "sa.json", "label_manual_sa.nii.gz")
    assert not {name for name in redone if name.split("/")[-1] in kept}
    assert not {name for name in redone if name.startswith(("index/", "convert/", "image_quality/"))}


# Each run gets past what failed in the one before, and fails one step further on.
STEPS = (
    "convert",
    "image_quality",
    "segment",
    "segmentation_quality,run_record",
    "measure,evaluate",
    "gather",
    "agreement,group_study",
    "report",
)


def test_after_a_failure_at_any_stage_the_next_run_finishes_the_work(cohort, changed_cohort):
    """Snakemake alone would call the results of a failed job's successors up to date."""
    assert set(",".join(STEPS).split(",")) == set(VERSIONS) - {"import_tables"}
    write_patient(cohort.raw, 1, scale=1.2)
    for rules in STEPS:
        cohort.environment = with_fault(f"fail {rules} -")
        printed = cohort.snakemake(check=False)
        for rule in rules.split(","):
            assert f"Error in rule {rule}" in printed
        summary = (cohort.results / "summary.txt").read_text()
        assert "Run ended with failed jobs" in summary
        assert summary in printed
    cohort.environment = {}
    printed = cohort.snakemake()
    assert (cohort.results / "summary.txt").read_text() in printed
    assert "5 subjects: 5 ok, " in (cohort.results / "summary.txt").read_text()
    assert NOTHING in cohort.snakemake()
    parts = ("subjects", "cohort", "agreement", "study", *STAGES)
    assert cohort.contents(*parts) == changed_cohort[0].contents(*parts)


def test_a_damaged_store_is_found_and_mended(cohort, capsys):
    from cinecohort.cli import main

    wanted = cohort.contents()
    store = cohort.results / "subjects"
    image = store / FIRST / "sa.nii.gz"
    label = store / SECOND / "label_manual_sa.nii.gz"
    edited = store / "patient003" / "sa.nii.gz"
    record = store / "patient004" / "measure.json"
    image.write_bytes(image.read_bytes()[:-5])
    label.unlink()
    edited.write_bytes(edited.read_bytes()[:-1] + b"!")
    record.write_text(re.sub(r'("lvedv_ml": )\d', r"\g<1>9", record.read_text(), count=1))
    assert main(["verify", str(cohort.results)]) == 1
    told = capsys.readouterr().out
    for line in (
        f"{FIRST}  convert  sa.nii.gz  truncated",
        f"{SECOND}  convert  label_manual_sa.nii.gz  deleted",
        "patient003  convert  sa.nii.gz  edited",
        "patient004  measure  measure.json  edited",
    ):
        assert line in told
    cohort.snakemake()
    after = cohort.contents()
    assert {name for name in wanted if wanted[name] != after[name]} <= {
        "run.json",
        "report.pdf",
        "summary.txt",
    }
    assert wanted.keys() == after.keys()
    assert main(["verify", str(cohort.results)]) == 0


READING = (
    ("--dry-run",),
    ("--lint",),
    ("--list",),
    ("--summary",),
    ("--dag",),
    ("--unlock",),
)


def state(folder):
    """Content and time of every file and folder."""
    return {
        path: (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in (folder, *folder.rglob("*"))
    }


def jobs_of(printed):
    """Rule and shard of every job that a dry run or a run printed, but those of the targets."""
    jobs = re.findall(r"^(?:local)?rule (\w+):\n((?:    .*\n)*)", printed, re.MULTILINE)
    shards = [(rule, re.search(r"wildcards: shard=(\d+)", text)) for rule, text in jobs]
    return sorted(
        (rule, shard[1] if shard else "") for rule, shard in shards if rule not in ("all", "phenotypes")
    )


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
    for arguments in READING:
        printed = cohort.snakemake(*arguments)
        assert "Index: 5 subjects, 1 new" in printed
        assert state(cohort.results) == before, arguments
    planned = jobs_of(cohort.snakemake("--dry-run"))
    assert state(cohort.results) == before
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
    cohort.configure()
    printed = cohort.snakemake("--dry-run")
    assert "Index: 1 subjects, 1 new" in printed
    assert ("report", "") in jobs_of(printed)
    assert not cohort.results.exists()


def test_only_shards_with_a_change_are_named(cohort):
    write_patient(cohort.raw, 1, scale=1.2)
    before = state(cohort.results)
    planned = jobs_of(cohort.snakemake("--dry-run"))
    assert {shard for _, shard in planned} == {"", shard_of(FIRST, 2)}
    assert {rule for rule, shard in planned if shard} == set(STAGES)
    assert "1 changed (patient001: " in cohort.snakemake("--dry-run")
    assert state(cohort.results) == before


def test_who_withdraws_after_the_raw_files_went_leaves_the_store_too(cohort):
    shutil.rmtree(cohort.raw / SECOND)
    cohort.snakemake()
    assert (cohort.results / "subjects" / SECOND).exists()
    (cohort.folder / "withdrawn.txt").write_text(f"{SECOND}\n")
    cohort.configure(datasets={"tiny": {"source": "acdc", "path": "raw", "withdrawals": "withdrawn.txt"}})
    cohort.snakemake()
    assert not (cohort.results / "subjects" / SECOND).exists()
    assert NOTHING in cohort.snakemake()


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


@pytest.fixture
def live_run(cohort):
    """A run that is in the middle of its conversion."""
    marker = cohort.folder / "marker"
    write_patient(cohort.raw, 1, scale=1.2)
    cohort.environment = with_fault(f"sleep convert {marker}")
    process = cohort.start()
    end = time.monotonic() + 300
    while not marker.exists():
        assert time.monotonic() < end
        assert process.poll() is None
        time.sleep(0.1)
    yield process
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_beside_a_live_run_a_second_one_is_refused_and_a_dry_run_changes_nothing(
    cohort, live_run, changed_cohort, tmp_path
):
    """Not even from another folder; and when the run was killed, the next one finishes the work."""
    other = Cohort(tmp_path / "other")
    other.folder.mkdir()
    raw = {"source": "acdc", "path": str(cohort.raw)}
    other.configure(results=str(cohort.results), datasets={"tiny": raw})
    write_patient(cohort.raw, 6)
    before = cohort.files()
    for second, refusal in ((cohort, "cannot be locked"), (other, "Nothing was started, since another run")):
        for arguments in (("--dry-run",), ()):
            printed = second.snakemake(*arguments, check=False)
            assert f"process {live_run.pid} on" in printed
            assert "Note that another run works on" in printed
            assert "Traceback" not in printed
            assert cohort.files() == before
        assert refusal in printed
    assert live_run.poll() is None

    os.killpg(live_run.pid, signal.SIGKILL)
    live_run.wait()
    shutil.rmtree(cohort.raw / "patient006")
    cohort.environment = {}
    assert "--unlock" in cohort.snakemake(check=False)
    cohort.snakemake("--unlock")
    cohort.snakemake()
    assert cohort.contents("subjects", "cohort") == changed_cohort[0].contents("subjects", "cohort")
