"""What reruns after each kind of change, by digests and times of all files before and after.

Statistics and report, half of a run's time, are run where a test looks at them.
"""

import os
import shutil

from support.tiny_cohort import ROOT, write_patient
from support.tiny_weights import write_weights
from support.workflow_runs import FIRST, NOTHING, SECOND, changed, subjects_of


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
    printed = cohort.snakemake("phenotypes")
    after = cohort.files()
    assert "6 subjects, 1 new" in printed
    assert subjects_of(changed(before, after)) == set()
    assert subjects_of(after.keys() - before.keys()) == {"patient006"}
    assert "patient006" in (cohort.results / "cohort" / "measures.tsv").read_text()


def test_a_removed_subject_leaves_the_index_and_the_tables(cohort):
    before = cohort.files()
    shutil.rmtree(cohort.raw / SECOND)
    printed = cohort.snakemake("phenotypes")
    after = cohort.files()
    assert "1 gone (patient002)" in printed
    assert subjects_of(changed(before, after)) == set()
    for table in (cohort.results / "cohort").glob("*.tsv"):
        assert SECOND not in table.read_text(), table.name
    assert NOTHING in cohort.snakemake("phenotypes")


def test_a_touched_raw_file_is_not_redone(cohort):
    before = cohort.contents()
    store = cohort.files("subjects")
    os.utime(next((cohort.raw / FIRST).glob("*frame01.nii.gz")))
    cohort.snakemake()
    assert cohort.files("subjects") == store
    index = {name for name in before if name.startswith(("index/", "report/"))}
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
    assert (
        {"report.pdf", "run.json"}
        <= parts
        <= {"agreement", "report", "report.pdf", "run.json", "summary.txt"}
    )


def test_a_measure_setting_starts_at_the_measures(cohort):
    before = cohort.files("subjects")
    cohort.configure(measures={"myocardial_density_g_ml": 1.06})
    cohort.snakemake("phenotypes")
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


def test_who_withdraws_after_the_raw_files_went_leaves_the_store_too(cohort):
    shutil.rmtree(cohort.raw / SECOND)
    cohort.snakemake("phenotypes")
    assert (cohort.results / "subjects" / SECOND).exists()
    (cohort.folder / "withdrawn.txt").write_text(f"{SECOND}\n")
    cohort.configure(datasets={"tiny": {"source": "acdc", "path": "raw", "withdrawals": "withdrawn.txt"}})
    cohort.snakemake("phenotypes")
    assert not (cohort.results / "subjects" / SECOND).exists()
    assert NOTHING in cohort.snakemake("phenotypes")
