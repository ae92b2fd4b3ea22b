"""`snakemake --profile slurm` on a real Slurm, started here on loopback and ended again."""

import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.slurm import slurm_cluster, unavailable, wait_for
from support.tiny_cohort import Cohort, write_patient

pytestmark = [pytest.mark.slurm, pytest.mark.slow]

# The profile's waits suit a busy cluster; here nobody else is in the queue.
PROMPT = ("--profile", "slurm", "--slurm-init-seconds-before-status-checks", "2", "--latency-wait", "10")
NOTHING = "Nothing to be done"

DELAY_FIRST_ATTEMPT = """
import os, sys, time
marker = os.environ.get("DELAYED_ONCE")
is_job = sys.argv[0].endswith(".image_quality.py")
if marker and is_job and not os.path.exists(marker):
    open(marker, "w").close()
    time.sleep(600)
"""


@dataclass
class Cluster:
    """The running Slurm: its environment and the folder of its logs."""

    environment: dict[str, str]
    home: Path

    def jobs(self) -> list[str]:
        """Lines about finished jobs."""
        return (self.home / "jobs.log").read_text().splitlines()

    def queue(self) -> list[str]:
        """Jobs that wait or run."""
        command = ["squeue", "-h", "-o", "%i"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
        return done.stdout.split()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    reason = unavailable()
    if reason:
        pytest.skip(f"no Slurm can be started here: {reason}")
    home = tmp_path_factory.mktemp("slurm")
    with slurm_cluster(home) as environment:
        yield Cluster(environment, home)


@pytest.fixture(scope="module")
def slurm_cohort(cluster, tmp_path_factory):
    """Three patients, run to the end on Slurm once."""
    cohort = Cohort(tmp_path_factory.mktemp("cohort"), environment=cluster.environment)
    for number in range(1, 4):
        write_patient(cohort.raw, number)
    cohort.configure()
    cohort.snakemake(*PROMPT)
    return cohort


def test_the_whole_workflow_runs_on_slurm(cluster, slurm_cohort):
    assert (slurm_cohort.results / "report.pdf").read_bytes().startswith(b"%PDF")
    jobs = cluster.jobs()
    assert sum("Partition=gpu" in job for job in jobs) == 1
    assert sum("Partition=cpu" in job for job in jobs) >= 8
    assert all("JobState=COMPLETED" in job for job in jobs)
    assert NOTHING in slurm_cohort.snakemake(*PROMPT)


def test_a_changed_subject_is_the_only_one_redone(slurm_cohort):
    before = slurm_cohort.files("subjects")
    write_patient(slurm_cohort.raw, 2, scale=1.2)
    slurm_cohort.snakemake(*PROMPT)
    after = slurm_cohort.files("subjects")
    assert {name.split("/")[1] for name in before if before[name] != after[name]} == {"patient002"}


def test_a_killed_controller_leaves_work_that_the_next_run_finishes(cluster, slurm_cohort):
    for number in (4, 5):
        write_patient(slurm_cohort.raw, number)
    process = subprocess.Popen(
        slurm_cohort.command(*PROMPT),
        cwd=slurm_cohort.checkout,
        env={**os.environ, **slurm_cohort.environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    wait_for("a job in the queue", lambda: bool(cluster.queue()), 60)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert "left as it is" in slurm_cohort.snakemake(*PROMPT, check=False)
    wait_for("orphans to end", lambda: not cluster.queue(), 90)
    slurm_cohort.snakemake("--unlock")
    slurm_cohort.snakemake(*PROMPT)
    table = (slurm_cohort.results / "cohort" / "status.tsv").read_text()
    assert all(f"patient{number:03d}" in table for number in range(1, 6))
    assert NOTHING in slurm_cohort.snakemake(*PROMPT)


def test_a_job_out_of_time_succeeds_on_retry(cluster, slurm_cohort, tmp_path):
    hook = tmp_path / "hook"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(DELAY_FIRST_ATTEMPT)
    copy = Cohort(tmp_path / "copy", environment=dict(cluster.environment))
    shutil.copytree(slurm_cohort.folder, copy.folder, copy_function=shutil.copy2)
    copy.environment |= {"PYTHONPATH": str(hook), "DELAYED_ONCE": str(tmp_path / "delayed")}
    write_patient(copy.raw, 1, scale=1.1)
    started = time.monotonic()
    copy.snakemake(*PROMPT, "--set-resources", "image_quality:runtime=attempt")
    assert (tmp_path / "delayed").exists()
    assert time.monotonic() - started > 60
    assert sum("JobState=TIMEOUT" in job for job in cluster.jobs()) == 1
    assert NOTHING in copy.snakemake(*PROMPT)


def test_a_gpu_job_without_cuda_fails_and_says_so(slurm_cohort, tmp_path):
    copy = Cohort(tmp_path / "copy", environment=slurm_cohort.environment)
    shutil.copytree(slurm_cohort.folder, copy.folder, copy_function=shutil.copy2)
    copy.configure(models={"sa": [{"name": "unet_slim_sa"}]})
    printed = copy.snakemake(*PROMPT, "--retries", "0", check=False)
    assert "Error in rule segment" in printed
    assert "no CUDA device" in (copy.results / "logs" / "segment" / "0000.log").read_text()
    assert not list((copy.results / "subjects").glob("*/seg_sa.nii.gz"))
