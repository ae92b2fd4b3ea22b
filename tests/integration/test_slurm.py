"""`snakemake --profile slurm` on a real Slurm, started here on loopback and ended again."""

import json
import os
import re
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.slurm import DAEMONS, SYSTEM, slurm_cluster, unavailable, wait_for
from support.tiny_cohort import Cohort, with_fault, write_patient
from support.workflow_runs import jobs_of

pytestmark = [pytest.mark.slurm, pytest.mark.slow]

# The profile's waits suit a busy cluster; here nobody else is in the queue.
PROMPT = ("--profile", "slurm", "--slurm-init-seconds-before-status-checks", "2", "--latency-wait", "10")
NOTHING = "Nothing to be done"


@dataclass
class Cluster:
    """The running Slurm: its environment and the folder of its logs."""

    environment: dict[str, str]
    home: Path

    def cohort(self, folder: Path, fault: str = "") -> Cohort:
        """A cohort to be run here, whose jobs meet a fault (see ``support/hooks``).

        Those that meet one are processes of Slurm's to the end, which Slurm can kill.
        """
        return Cohort(folder, environment={**self.environment, **with_fault(fault)}, ready=not fault)

    def jobs(self, cohort: Cohort) -> list[dict[str, str]]:
        """What Slurm noted of the finished jobs of a cohort."""
        lines = (self.home / "jobs.log").read_text().splitlines()
        jobs = [dict(part.split("=", 1) for part in line.split() if "=" in part) for line in lines]
        return [job for job in jobs if job["WorkDir"] == str(cohort.folder)]

    def queue(self, cohort: Cohort) -> list[str]:
        """Jobs of a cohort that wait or run."""
        command = ["squeue", "-h", "-o", "%i %Z"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        return [line for line in done.stdout.splitlines() if line.endswith(f" {cohort.folder}")]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    reason = unavailable()
    if reason:
        pytest.skip(f"no Slurm can be started here: {reason}")
    home = tmp_path_factory.mktemp("slurm")
    with slurm_cluster(home) as environment:
        yield Cluster(environment, home)


@dataclass
class Started:
    """A run that goes on beside others."""

    cohort: Cohort
    process: subprocess.Popen

    def finish(self, check: bool = True) -> str:
        return self.cohort.finish(self.process, check)


@contextmanager
def started(cohort: Cohort, *arguments: str) -> Iterator[Started]:
    """A run that was started, and is ended if its test does not wait for it."""
    process = cohort.start(*PROMPT, *arguments)
    try:
        yield Started(cohort, process)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def patients(cohort: Cohort, number: int, **sections) -> Cohort:
    for each in range(1, number + 1):
        write_patient(cohort.raw, each)
    cohort.configure(**sections)
    return cohort


@pytest.fixture(scope="module")
def runs(cluster, tmp_path_factory):
    """Runs that need nothing of each other, all begun at once: most of their time is waiting.

    ``whole`` runs three patients to the end, ``dies`` kills a job halfway, and in ``late`` the first job of a
    stage runs out of time, which Slurm needs more than a minute to end.
    """
    marks = tmp_path_factory.mktemp("marks")
    late = patients(
        cluster.cohort(tmp_path_factory.mktemp("late"), f"sleep image_quality {marks}/late"), 1, studies={}
    )
    dies = patients(cluster.cohort(tmp_path_factory.mktemp("dies"), f"die convert {marks}/dies"), 3)
    whole = patients(cluster.cohort(tmp_path_factory.mktemp("whole")), 3)
    short = ("results/image_quality/0000.tsv", "--set-resources", "image_quality:runtime=attempt")
    with ExitStack() as stack:
        yield {
            "late": stack.enter_context(started(late, *short)),
            "whole": stack.enter_context(started(whole)),
            "dies": stack.enter_context(started(dies, "results/convert/0000.tsv")),
        }


@pytest.fixture(scope="module")
def slurm_cohort(runs):
    """Three patients, run to the end on Slurm once."""
    runs["whole"].finish()
    return runs["whole"].cohort


@pytest.fixture(scope="module")
def without_cuda(cluster, slurm_cohort, tmp_path_factory):
    """A copy of the cohort, in which another network is begun on a node whose GPU is none."""
    copy = cluster.cohort(tmp_path_factory.mktemp("copies") / "copy")
    shutil.copytree(slurm_cohort.folder, copy.folder, copy_function=shutil.copy2)
    copy.configure(models={"sa": [{"name": "unet_slim_sa"}]})
    with started(copy, "--retries", "0", "results/segment/0000.tsv") as run:
        yield run


def daemons() -> set[str]:
    """Processes of any Slurm on this machine."""
    names = {}
    for path in Path("/proc").glob("[0-9]*/comm"):
        try:
            names[path.parent.name] = path.read_text().strip()
        except OSError:
            continue
    return {pid for pid, name in names.items() if name in (*DAEMONS, "slurmstepd")}


def test_without_slurm_the_reason_is_said(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert unavailable().startswith("not installed: munged, slurmctld, slurmd, sbatch")


def test_a_cluster_is_gone_when_it_was_ended_even_with_a_job_running(tmp_path):
    reason = unavailable()
    if reason:
        pytest.skip(f"no Slurm can be started here: {reason}")
    before = daemons()
    with slurm_cluster(tmp_path):
        command = ["sbatch", "--mem=10", f"--output={tmp_path}/out", "--wrap", "sleep 600"]
        subprocess.run(command, check=True, capture_output=True, cwd=tmp_path, timeout=60)
        wait_for("the job to run", lambda: (tmp_path / "out").exists())
        assert len(daemons() - before) >= len(DAEMONS)
    wait_for("whoever reaps what has ended", lambda: daemons() == before)
    assert not (SYSTEM / "slurm.conf").exists()


def test_the_whole_workflow_runs_on_slurm(cluster, slurm_cohort):
    assert (slurm_cohort.results / "report.pdf").read_bytes().startswith(b"%PDF")
    jobs = cluster.jobs(slurm_cohort)
    planned = jobs_of(slurm_cohort.printed.read_text())
    assert ("segment", "0000") in planned
    assert len(planned) > 10
    assert Counter(job["Partition"] for job in jobs) == {"gpu": 1, "cpu": len(planned) - 1}
    assert {job["JobState"] for job in jobs} == {"COMPLETED"}
    assert "3 subjects: 3 ok" in (slurm_cohort.results / "summary.txt").read_text()
    assert NOTHING in slurm_cohort.snakemake(*PROMPT)


def test_a_killed_controller_leaves_work_that_the_next_run_finishes(cluster, slurm_cohort, without_cuda):
    """Between the runs one subject changed and one came: nobody else's files are touched.

    Statistics and report are left out: what a run does about them does not depend on where jobs run.
    """
    before = slurm_cohort.files("subjects")
    write_patient(slurm_cohort.raw, 2, scale=1.2)
    write_patient(slurm_cohort.raw, 4)
    process = slurm_cohort.start(*PROMPT, "phenotypes")
    wait_for("a job in the queue", lambda: bool(cluster.queue(slurm_cohort)), 180)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert "--unlock" in slurm_cohort.snakemake(*PROMPT, "phenotypes", check=False)
    wait_for("orphans to end", lambda: not cluster.queue(slurm_cohort), 300)
    slurm_cohort.snakemake("--unlock")
    slurm_cohort.snakemake(*PROMPT, "phenotypes")
    after = slurm_cohort.files("subjects")
    touched = {name.split("/")[1] for name in after if before.get(name) != after[name]}
    assert touched == {"patient002", "patient004"}
    assert before.keys() <= after.keys()
    status = (slurm_cohort.results / "cohort" / "status.tsv").read_text()
    assert all(f"patient{number:03d}" in status for number in range(1, 5))
    assert NOTHING in slurm_cohort.snakemake(*PROMPT, "phenotypes")


def test_a_gpu_job_without_cuda_fails_and_says_so(without_cuda):
    printed = without_cuda.finish(check=False)
    results = without_cuda.cohort.results
    assert "Error in rule segment" in printed
    assert "no CUDA device" in (results / "logs" / "segment" / "0000.log").read_text()
    summary = (results / "summary.txt").read_text()
    assert re.search(r"Not finished: segment/0000 .*no CUDA device is to be found", summary)
    assert not list((results / "subjects").glob("*/seg_sa.nii.gz"))


def test_a_job_that_dies_halfway_goes_on_inside_its_shard(cluster, runs):
    runs["dies"].finish()
    cohort = runs["dies"].cohort
    assert [job["JobState"] for job in cluster.jobs(cohort)] == ["FAILED", "COMPLETED"]
    tally = json.loads((cohort.results / "logs" / "shards" / "convert" / "0000.json").read_text())
    assert tally["counts"] == {"ok": 1, "unchanged": 2}
    table = (cohort.results / "convert" / "0000.tsv").read_text()
    assert all(f"patient{number:03d}" in table for number in range(1, 4))


def test_a_job_out_of_time_succeeds_on_retry(cluster, runs):
    runs["late"].finish()
    cohort = runs["late"].cohort
    states = [(job["JobState"], job["TimeLimit"]) for job in cluster.jobs(cohort)]
    assert [state for state, _ in states] == ["COMPLETED", "TIMEOUT", "COMPLETED"]
    assert [limit for _, limit in states[1:]] == ["1", "2"]
    assert "patient001" in (cohort.results / "image_quality" / "0000.tsv").read_text()
