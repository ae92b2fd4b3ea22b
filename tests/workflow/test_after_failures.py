"""What the next run does after jobs failed, files were damaged or a run was killed."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from cinecohort.cohort.versions import STAGES, VERSIONS
from support.ready_python import NAME, ready_python
from support.slurm import wait_for
from support.tiny_cohort import Cohort, with_fault, with_hooks, write_patient
from support.workflow_runs import FIRST, NOTHING, SECOND

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
    # Nothing follows on the review room and the pages, which are made beside the agreement and the studies.
    assert set(",".join(STEPS).split(",")) == set(VERSIONS) - {
        "import_tables",
        "review",
        "blinded",
        "subject_pages",
    }
    write_patient(cohort.raw, 1, scale=1.2)
    for rules in STEPS:
        cohort.environment = with_fault(f"fail {rules} -")
        printed = cohort.snakemake(check=False)
        for rule in rules.split(","):
            assert f"Error in rule {rule}" in printed
            assert f"A job of {rule} failed: see " in printed
        summary = (cohort.results / "summary.txt").read_text()
        assert "Run ended with failed jobs" in summary
        assert summary in printed
    cohort.environment, cohort.quiet = {}, None
    printed = cohort.snakemake()
    assert (cohort.results / "summary.txt").read_text() in printed
    assert not re.search(r"^(local)?rule |^Finished|^\d+ of \d+ steps", printed, re.MULTILINE)
    assert "5 subjects: 5 ok, " in (cohort.results / "summary.txt").read_text()
    assert NOTHING in cohort.snakemake()
    parts = ("subjects", "cohort", "agreement", "study", *STAGES)
    assert cohort.contents(*parts) == changed_cohort[0].contents(*parts)


def test_a_damaged_store_is_found_and_repaired(cohort, capsys):
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
    printed = capsys.readouterr().out
    for line in (
        f"{FIRST}  convert  sa.nii.gz  truncated",
        f"{SECOND}  convert  label_manual_sa.nii.gz  deleted",
        "patient003  convert  sa.nii.gz  edited",
        "patient004  measure  measure.json  edited",
    ):
        assert line in printed
    cohort.snakemake("phenotypes")
    after = cohort.contents()
    of_report = {name for name in wanted if name.startswith("report/")}
    assert {name for name in wanted if wanted[name] != after[name]} <= of_report | {
        "run.json",
        "report.pdf",
        "summary.txt",
    }
    assert wanted.keys() == after.keys()
    assert main(["verify", str(cohort.results)]) == 0


def test_a_fork_ends_as_the_process_would_that_it_works_for(tmp_path):
    """Runs of the tests are forks of one process; see ``support/ready_python.py``."""
    script = tmp_path / ".snakemake" / "scripts" / "job.py"
    script.parent.mkdir(parents=True)
    environment = {**os.environ, **with_hooks(**{NAME: ready_python()}), "WORD": "heard"}

    def end_of(text: str, **options: float) -> subprocess.CompletedProcess:
        script.write_text(f"import os, signal, sys, time\n{text}\n")
        command = [sys.executable, ".snakemake/scripts/job.py"]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, **options
        )

    done = end_of("print(os.environ['WORD'], os.getcwd(), sys.argv, 'numpy' in sys.modules)")
    assert done.stdout == f"heard {tmp_path} ['.snakemake/scripts/job.py'] True\n"
    assert done.returncode == 0
    assert end_of("raise SystemExit(3)").returncode == 3
    assert "ZeroDivisionError" in end_of("1 / 0").stderr
    assert end_of("os.kill(os.getpid(), signal.SIGKILL)").returncode == -signal.SIGKILL
    with pytest.raises(subprocess.TimeoutExpired):
        end_of("open('pid', 'w').write(str(os.getpid())); time.sleep(600)", timeout=20)
    fork = Path("/proc", (tmp_path / "pid").read_text())
    wait_for("the fork to be killed with who waited for it", lambda: not fork.exists())


@pytest.fixture
def live_run(cohort):
    """A run that is in the middle of its conversion, and not a fork of another process."""
    marker = cohort.folder / "marker"
    write_patient(cohort.raw, 1, scale=1.2)
    cohort.environment = with_fault(f"sleep convert {marker}")
    cohort.ready = False
    process = cohort.start()
    cohort.ready = True
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
    cohort.snakemake("phenotypes")
    assert cohort.contents("subjects", "cohort") == changed_cohort[0].contents("subjects", "cohort")
