"""Runs one stage over one shard: skips what still holds, works on the rest, loses nobody."""

import json
import socket
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from cinecohort.catalogue.findings import Code
from cinecohort.cohort.index import IndexedSubject
from cinecohort.cohort.progress import EARLIER, UNCHANGED, Progress
from cinecohort.cohort.workers import Died, results_of
from cinecohort.errors import UserError, is_machine_fault
from cinecohort.findings import Finding, Level, Outcome, Status
from cinecohort.store import (
    Record,
    fingerprint,
    forget,
    holds,
    read_record,
    remove_abandoned,
    write_record,
)


class Interrupted(Exception):
    """The machine, not the data, stopped the stage: the job has to fail and be run again."""


@dataclass(frozen=True)
class Stage:
    """One stage of the workflow, as the runner needs it.

    Parameters
    ----------
    name
        Names the record, ``{name}.json``, and the shard table's folder.
    version
        Raised by hand when the stage's code changes meaning.
    parameters
        The options that change its result, as plain values.
    inputs
        Digest of each input of a subject.
    work
        Makes the outcome of one subject; must be picklable.
    after
        Earlier stages whose results are inputs.
    gates
        Earlier stages that must have let the subject through.
    work_on_all
        Instead of `work`, for a stage that keeps something loaded over many subjects.
    isolated
        Whether subjects are worked on in a process beside the job's own, also one by one: their files may
        make a library written in C end its process.
    """

    name: str
    version: int
    parameters: Mapping[str, Any]
    inputs: Callable[[IndexedSubject, Path], Mapping[str, str]]
    work: Callable[[IndexedSubject, Path], Outcome] | None = None
    after: tuple[str, ...] = ()
    gates: tuple[str, ...] = ()
    work_on_all: (
        Callable[[Sequence[tuple[IndexedSubject, Path]]], Iterator[tuple[IndexedSubject, Outcome]]] | None
    ) = None
    isolated: bool = False


def run_shard(
    stage: Stage,
    subjects: Sequence[IndexedSubject],
    store: Path,
    logs: Path,
    threads: int = 1,
    tally: Path | None = None,
) -> list[tuple[IndexedSubject, Record]]:
    """Bring a stage's records of all subjects of a shard up to date.

    Parameters
    ----------
    stage
        The stage.
    subjects
        All subjects of the shard.
    store
        Folder that holds the subjects' folders.
    logs
        Folder for one log of events per subject (times, hosts, tracebacks).
    threads
        Worker processes.
    tally
        File to keep up to date with how far the shard is; see :mod:`cinecohort.cohort.progress`.

    Raises
    ------
    Interrupted
        After all subjects, if the machine was to blame for what some of them met; they have no new record.

    Returns
    -------
    list
        Each subject with its record, in the order given. A subject that an earlier stage excluded gets that
        stage's record, so that its row says where and why it left.
    """
    results: dict[str, Record] = {}
    pending: list[tuple[IndexedSubject, Path]] = []
    prints: dict[str, str] = {}
    faults: dict[str, BaseException] = {}
    progress = Progress(stage.name, len(subjects), tally)
    started = time.monotonic()

    def keep(subject: IndexedSubject, outcome: Outcome) -> None:
        """Record what became of a subject."""
        folder = store / subject.subject
        made_from = prints.get(subject.subject, "")
        results[subject.subject] = write_record(folder, stage.name, stage.version, made_from, outcome)
        _log(logs, subject.subject, stage.name, outcome, time.monotonic() - started)
        progress.add(str(outcome.status))

    for subject in subjects:
        folder = store / subject.subject
        try:
            remove_abandoned(folder)
            stopped = _stopped_earlier(stage, folder)
            if stopped is not None:
                forget(folder, stage.name)
                results[subject.subject] = stopped
                progress.add(EARLIER)
                continue
            prints[subject.subject] = _fingerprint(stage, subject, folder)
            record = holds(folder, stage.name, prints[subject.subject])
        except Exception as fault:
            with _noted(faults, subject):
                keep(subject, outcome_of(fault, stage.name, subject.subject))
            continue
        if record is not None:
            results[subject.subject] = record
            progress.add(UNCHANGED)
        else:
            pending.append((subject, folder))
    for subject, outcome in _work(stage, pending, threads):
        with _noted(faults, subject):
            if isinstance(outcome, BaseException):
                raise outcome
            keep(subject, outcome)
    if faults:
        raise _interruption(stage, faults)
    progress.close(results)
    return [(subject, results[subject.subject]) for subject in subjects]


@contextmanager
def _noted(faults: dict[str, BaseException], subject: IndexedSubject) -> Iterator[None]:
    """Note a fault of the machine, which leaves the subject without a record, and go on with the others."""
    try:
        yield
    except Exception as fault:
        traceback.print_exception(fault)
        faults[subject.subject] = fault


def _interruption(stage: Stage, faults: Mapping[str, BaseException]) -> Interrupted:
    """Say which fault of the machine left how many subjects undone."""
    subject, fault = next(iter(faults.items()))
    if isinstance(fault, Interrupted):
        return fault
    more = f" and {len(faults) - 1:,} more subjects" if len(faults) > 1 else ""
    return Interrupted(
        f"{subject}{more}: {stage.name} was stopped by a fault of the machine, not of the data "
        f"({type(fault).__name__}: {fault}). All others of the shard are done; run the workflow again."
    )


def _stopped_earlier(stage: Stage, folder: Path) -> Record | None:
    for gate in stage.gates:
        record = read_record(folder, gate)
        if record is None:
            raise Interrupted(
                f"{folder.name}: there is no record of {gate}; run `cinecohort verify` on the results, "
                "then the workflow again."
            )
        if record.status in (Status.EXCLUDED, Status.ERROR):
            return record
    return None


def _fingerprint(stage: Stage, subject: IndexedSubject, folder: Path) -> str:
    inputs = dict(stage.inputs(subject, folder))
    for earlier in stage.after:
        record = read_record(folder, earlier)
        inputs[earlier] = record.result_digest() if record else "absent"
    return fingerprint(stage.name, stage.version, stage.parameters, inputs)


def _work(
    stage: Stage, pending: Sequence[tuple[IndexedSubject, Path]], threads: int
) -> Iterator[tuple[IndexedSubject, Outcome | BaseException]]:
    """Each subject with its outcome, or with the fault of the machine that it met."""
    if stage.work_on_all is not None:
        yield from stage.work_on_all(pending) if pending else ()
    elif (threads > 1 and len(pending) > 1) or stage.isolated:
        for place, result in results_of(partial(guarded, stage), pending, threads):
            subject = pending[place][0]
            yield subject, died(subject.subject, stage.name) if isinstance(result, Died) else result
    else:
        for subject, folder in pending:
            try:
                yield subject, guarded(stage, subject, folder)
            except Exception as fault:
                yield subject, fault


def died(subject: str, stage: str) -> Outcome:
    """Outcome of a subject that killed its process, also when it was tried alone."""
    why = "also when tried alone (a damaged file, or too little memory)"
    message = f"{subject}: {stage} killed its process, {why}."
    return Outcome(Status.ERROR, [Finding(Code.CRASHED, Level.ERROR, message)])


def guarded(stage: Stage, subject: IndexedSubject, folder: Path) -> Outcome:
    """Work on one subject; an unexpected fault of its data becomes its status, not the job's end.

    Raises
    ------
    MemoryError, OSError
        What the machine is to blame for: no memory, a full or broken disk.
    """
    assert stage.work is not None
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return stage.work(subject, folder)
    except Exception as fault:
        return outcome_of(fault, stage.name, subject.subject)


def outcome_of(fault: Exception, stage: str, subject: str) -> Outcome:
    """Outcome of a subject that met `fault`, which is raised again where the machine is to blame.

    Raises
    ------
    MemoryError, OSError
        No memory, a full or broken disk.
    """
    if isinstance(fault, UserError):
        return Outcome(Status.ERROR, [Finding(Code.UNUSABLE, Level.ERROR, f"{subject}: {fault}")])
    if is_machine_fault(fault) or isinstance(fault, Interrupted):
        raise fault
    return fault_outcome(subject, stage, fault)


def fault_outcome(subject: str, stage: str, fault: BaseException) -> Outcome:
    """Outcome of a subject that met an unexpected fault; the traceback goes into its log.

    What an exception says may quote what was read. The stages that read the store quote nothing but that;
    the conversion reads raw files, with names and birth dates in them and in their names, so that of its
    faults only kind and place are given.
    """
    reads_raw_files = stage == "convert"
    kind = type(fault).__name__
    words = kind if reads_raw_files else f"{kind}: {fault}"
    message = f"{subject}: {stage} met an unexpected fault ({words}); see its log."
    outcome = Outcome(Status.ERROR, [Finding(Code.UNEXPECTED, Level.ERROR, message)])
    lines = traceback.format_tb(fault.__traceback__) if reads_raw_files else traceback.format_exception(fault)
    outcome.traceback = "".join(["Traceback:\n", *lines, kind] if reads_raw_files else lines)
    return outcome


def _log(logs: Path, subject: str, stage: str, outcome: Outcome, seconds: float) -> None:
    event = {
        "time": time.strftime("%Y-%m-%dT%H:%M:%S"),
        "host": socket.gethostname(),
        "stage": stage,
        "status": str(outcome.status),
        "seconds_since_start": round(seconds, 2),
    }
    if outcome.traceback:
        event["traceback"] = outcome.traceback
    logs.mkdir(parents=True, exist_ok=True)
    with (logs / f"{subject}.jsonl").open("a") as stream:
        stream.write(json.dumps(event) + "\n")
