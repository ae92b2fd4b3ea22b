import errno
import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest
import torch

from cinecohort.cohort.index import IndexedSubject
from cinecohort.cohort.progress import worst_finding
from cinecohort.cohort.runner import Interrupted, Stage, run_shard
from cinecohort.errors import UserError
from cinecohort.findings import Finding, Level, Outcome, Status
from cinecohort.store import read_record


def subject(key):
    return IndexedSubject(key, "phantom", key, key, "", "raw")


def inputs_of(person, folder, table):
    return {"raw": table[person.subject]}


def write_output(person, folder, journal):
    with journal.open("a") as stream:
        stream.write(person.subject + "\n")
    (folder / "out.txt").write_text(person.subject)
    return Outcome(Status.OK, outputs=["out.txt"], values={"length": len(person.subject)})


def fail_for_b(person, folder):
    if person.subject == "b":
        raise ZeroDivisionError("by hand")
    return Outcome(Status.OK)


def refuse_b(person, folder):
    if person.subject == "b":
        raise UserError("b/sa.nii.gz: not a readable NIfTI file; copy it again.")
    return Outcome(Status.OK)


def disk_full(person, folder):
    raise OSError(errno.ENOSPC, "No space left on device")


def kill_for_b(person, folder):
    if person.subject == "b":
        os._exit(1)
    return Outcome(Status.OK)


def exclude_b(person, folder):
    if person.subject == "b":
        finding = Finding("GAP", Level.REJECT, "A slice is missing.")
        return Outcome(Status.EXCLUDED, [finding])
    return Outcome(Status.OK)


@pytest.fixture
def run(tmp_path):
    table = {"a": "1", "b": "1", "c": "1"}

    def run(work=None, threads=1, name="convert", **changes):
        stage = Stage(name, 1, {}, partial(inputs_of, table=table), work, **changes)
        people = [subject(key) for key in table]
        records = run_shard(stage, people, tmp_path / "store", tmp_path / "logs", threads)
        return {person.subject: record for person, record in records}

    run.table = table
    run.folder = tmp_path
    return run


def worked_on(journal):
    lines = journal.read_text().split() if journal.exists() else []
    journal.unlink(missing_ok=True)
    return sorted(lines)


@pytest.mark.parametrize("threads", [1, 2])
def test_only_what_changed_is_worked_on(run, threads):
    journal = run.folder / "journal"
    work = partial(write_output, journal=journal)
    run(work, threads)
    assert worked_on(journal) == ["a", "b", "c"]
    run(work, threads)
    assert worked_on(journal) == []
    run.table["b"] = "2"
    records = run(work, threads)
    assert worked_on(journal) == ["b"]
    assert {record.status for record in records.values()} == {Status.OK}
    (run.folder / "store" / "c" / "out.txt").write_text("")
    run(work, threads)
    assert worked_on(journal) == ["c"]


def test_a_stage_that_died_halfway_goes_on_where_it_was(run):
    journal = run.folder / "journal"

    def die_at_c(person, folder):
        if person.subject == "c":
            raise KeyboardInterrupt
        return write_output(person, folder, journal)

    with pytest.raises(KeyboardInterrupt):
        run(die_at_c)
    assert worked_on(journal) == ["a", "b"]
    run(partial(write_output, journal=journal))
    assert worked_on(journal) == ["c"]


def test_temporary_files_of_killed_jobs_are_removed_and_those_of_living_ones_are_not(run):
    run(lambda person, folder: Outcome(Status.OK))
    folder = run.folder / "store" / "a"
    for name, age in (("old", 7200), ("living", 10)):
        path = folder / f".sa.nii.gz.{name}.tmp"
        path.write_text("half an image")
        os.utime(path, (time.time() - age,) * 2)
    run(lambda person, folder: Outcome(Status.OK))
    assert [path.name for path in folder.glob(".*.tmp")] == [".sa.nii.gz.living.tmp"]


@pytest.mark.parametrize(("work", "code"), [(fail_for_b, "UNEXPECTED"), (refuse_b, "UNUSABLE")])
def test_one_bad_subject_stops_nobody_else(run, work, code):
    records = run(work)
    assert [records[key].status for key in "abc"] == [Status.OK, Status.ERROR, Status.OK]
    assert records["b"].findings[0].code == code


def test_the_traceback_is_in_the_log_and_not_in_the_record(run):
    run(fail_for_b)
    assert "Traceback" in (run.folder / "logs" / "b.jsonl").read_text()
    assert "Traceback" not in (run.folder / "store" / "b" / "convert.json").read_text()


@pytest.mark.parametrize(("threads", "isolated"), [(2, False), (2, True), (1, True)])
def test_a_subject_that_kills_its_process_is_named(run, threads, isolated):
    records = run(kill_for_b, threads, isolated=isolated)
    assert [records[key].status for key in "abc"] == [Status.OK, Status.ERROR, Status.OK]
    assert records["b"].findings[0].code == "CRASHED"


def test_the_pool_has_ended_with_its_work(run):
    before = threading.active_count()
    run(exclude_b, threads=2)
    assert threading.active_count() == before


POOL = """
import os, signal, sys, time
from cinecohort.cohort.workers import pool_of
if __name__ == "__main__":
    with pool_of(1) as pool:
        print(pool.submit(os.getpid).result(), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_workers_end_when_the_job_was_killed():
    done = subprocess.run(
        [sys.executable, "-c", POOL], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == -signal.SIGKILL
    worker = Path("/proc") / done.stdout.strip() / "stat"
    end = time.monotonic() + 120
    while worker.exists() and worker.read_text().rsplit(")", 1)[1].split()[0] != "Z":
        assert time.monotonic() < end
        time.sleep(0.1)


def vanish_for_b(person, folder, table):
    if person.subject == "b":
        raise UserError("Subject 'b': nothing of that name.")
    return inputs_of(person, folder, table)


def test_a_subject_whose_raw_files_vanished_stops_nobody_else(run):
    stage = Stage("convert", 1, {}, partial(vanish_for_b, table=run.table), fail_for_b)
    people = [subject(key) for key in "abc"]
    records = run_shard(stage, people, run.folder / "store", run.folder / "logs")
    assert [record.status for _, record in records] == [Status.OK, Status.ERROR, Status.OK]
    assert records[1][1].findings[0].message == "b: Subject 'b': nothing of that name."
    assert run(fail_for_b)["b"].findings[0].code == "UNEXPECTED"


def test_what_the_conversion_stumbled_over_is_quoted_nowhere(run):
    name_in_the_file = "^".join(["SMITH", "JOHN"])

    def quote(person, folder):
        raise ValueError(name_in_the_file)

    run(quote)
    run(quote, name="measure")
    store, log = run.folder / "store" / "b", (run.folder / "logs" / "b.jsonl").read_text().splitlines()
    assert "SMITH^" not in (store / "convert.json").read_text() + log[0]
    assert "ValueError" in (store / "convert.json").read_text()
    assert "in quote" in log[0]
    assert "SMITH^" in (store / "measure.json").read_text()


def test_a_missing_record_of_an_earlier_stage_says_what_to_do(run):
    with pytest.raises(Interrupted, match="cinecohort verify"):
        run(lambda person, folder: Outcome(Status.OK), name="segment", gates=("convert",))


def test_a_full_disk_fails_the_job(run):
    with pytest.raises(Interrupted, match=r"a and 2 more subjects.*No space left"):
        run(disk_full)


def unreadable_b(person, folder):
    if person.subject == "b":
        raise OSError(errno.EIO, "Input/output error", "raw/b.zip")
    return Outcome(Status.OK)


def no_memory_for_b(person, folder):
    if person.subject == "b":
        raise MemoryError
    return Outcome(Status.OK)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("isolated", [False, True])
@pytest.mark.parametrize("work", [unreadable_b, no_memory_for_b])
def test_a_fault_of_the_machine_leaves_its_subject_without_a_record_and_fails_the_job_last(
    run, work, threads, isolated
):
    with pytest.raises(Interrupted, match=r"^b: convert was stopped by a fault of the machine"):
        run(work, threads, isolated=isolated)
    written = [read_record(run.folder / "store" / key, "convert") is not None for key in "abc"]
    assert written == [True, False, True]


def unreadable_inputs(person, folder, table):
    if person.subject == "b":
        raise OSError(errno.EACCES, "Permission denied", "raw/b.zip")
    return inputs_of(person, folder, table)


def test_nor_are_raw_files_that_the_machine_does_not_give_for_the_fingerprint(run):
    stage = Stage("convert", 1, {}, partial(unreadable_inputs, table=run.table), exclude_b)
    with pytest.raises(Interrupted, match="Permission denied"):
        run_shard(stage, [subject(key) for key in "abc"], run.folder / "store", run.folder / "logs")
    assert read_record(run.folder / "store" / "c", "convert").status is Status.OK


def gpu_full(person, folder):
    raise torch.OutOfMemoryError("CUDA out of memory.")


def gpu_lost(person, folder):
    raise torch.AcceleratorError("CUDA error: unspecified launch failure")


@pytest.mark.parametrize("work", [gpu_full, gpu_lost])
def test_a_gpu_that_is_full_or_lost_fails_the_job(run, work):
    with pytest.raises(Interrupted, match="CUDA"):
        run(work)


def test_whom_an_earlier_stage_excluded_is_passed_on_with_its_reason(run):
    run(exclude_b)
    journal = run.folder / "journal"
    records = run(partial(write_output, journal=journal), name="segment", gates=("convert",))
    assert worked_on(journal) == ["a", "c"]
    assert records["b"].stage == "convert"
    assert records["b"].findings[0].code == "GAP"


def test_outputs_of_a_subject_that_is_now_excluded_are_removed(run):
    journal = run.folder / "journal"
    run(fail_for_b)
    run.table["b"] = "2"
    run(lambda person, folder: Outcome(Status.OK))
    run(partial(write_output, journal=journal), name="segment", gates=("convert",))
    run.table["b"] = "3"
    run(exclude_b)
    run(partial(write_output, journal=journal), name="segment", gates=("convert",))
    assert not (run.folder / "store" / "b" / "out.txt").exists()
    assert read_record(run.folder / "store" / "b", "segment") is None


def test_the_gravest_finding_is_reported():
    review = Finding("S2", Level.REVIEW, "Two pieces.")
    reject = Finding("GAP", Level.REJECT, "A slice is missing.")
    info = Finding("SPACING", Level.INFO, "Taken from pixdim.")
    assert worst_finding([info, review, reject]) is reject
    assert worst_finding([info]) is None
