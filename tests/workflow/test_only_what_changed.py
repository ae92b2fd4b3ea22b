"""What reruns after each kind of change, by digests and times of all files before and after."""

import os
import shutil

import pytest

from support.tiny_cohort import ROOT, write_patient

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


def test_a_replaced_subject_is_redone_and_nobody_elses_files_change(cohort):
    before = cohort.files()
    write_patient(cohort.raw, 1, scale=1.2)
    printed = cohort.snakemake()
    after = cohort.files()
    assert "1 changed (patient001)" in printed
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
    assert {name for name in before if before[name] != after[name]} <= index | {"run.json", "report.pdf"}


def test_a_statistics_setting_touches_no_subject(cohort):
    before = cohort.files()
    cohort.configure(agreement={"limit_factor": 2.0})
    printed = cohort.snakemake()
    after = cohort.files()
    assert "rule agreement" in printed
    assert "rule convert" not in printed
    assert subjects_of(changed(before, after)) == set()
    assert not any(name.startswith("convert/") for name in changed(before, after))


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


@pytest.mark.parametrize("stage", ["convert", "measure", "evaluate"])
def test_after_a_failed_job_the_next_run_finishes_the_work(cohort, stage):
    """Snakemake alone would call the results of the failed job's successors up to date."""
    wanted = cohort.contents("subjects", "cohort")
    write_patient(cohort.raw, 1, scale=1.1)
    blocked = cohort.results / stage
    tables = sorted(path.name for path in blocked.glob("0*.tsv"))
    shutil.move(blocked, cohort.folder / "aside")
    blocked.write_text("a file where the folder of tables should be")
    printed = cohort.snakemake(check=False)
    assert "Error" in printed
    blocked.unlink()
    shutil.move(cohort.folder / "aside", blocked)
    for name in tables:
        (blocked / name).unlink(missing_ok=True)
    cohort.snakemake()
    after = cohort.contents("subjects", "cohort")
    assert {
        name.split("/")[1] for name in wanted if name.startswith("subjects/") and wanted[name] != after[name]
    } == {FIRST}
    assert NOTHING in cohort.snakemake()


def test_a_damaged_store_is_found_and_mended(cohort):
    from cinecohort.cli import main

    wanted = cohort.contents("subjects")
    image = cohort.results / "subjects" / FIRST / "sa.nii.gz"
    label = cohort.results / "subjects" / SECOND / "label_manual_sa.nii.gz"
    image.write_bytes(image.read_bytes()[:-5])
    label.unlink()
    assert main(["verify", str(cohort.results)]) == 1
    cohort.snakemake()
    assert cohort.contents("subjects") == wanted
    assert main(["verify", str(cohort.results)]) == 0


def test_a_dry_run_tells_what_would_be_done_and_changes_no_result(cohort):
    write_patient(cohort.raw, 1, scale=1.2)
    before = cohort.files("subjects", "cohort", "convert")
    printed = cohort.snakemake("--dry-run")
    assert "1 changed (patient001)" in printed
    assert "convert" in printed
    assert cohort.files("subjects", "cohort", "convert") == before
    cohort.snakemake()
    assert NOTHING in cohort.snakemake()


def test_a_live_run_is_left_alone(cohort):
    locks = cohort.folder / ".snakemake" / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    for name in ("0.input.lock", "0.output.lock"):
        (locks / name).write_text(str(cohort.results / "report.pdf") + "\n")
    write_patient(cohort.raw, 6)
    before = cohort.files()
    printed = cohort.snakemake(check=False)
    assert "left as it is" in printed
    assert cohort.files() == before
