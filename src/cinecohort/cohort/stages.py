"""Runs a stage over one shard and writes the shard's two tables."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from cinecohort.cohort.index import IndexedSubject, index_path, note_converted, subjects_of
from cinecohort.cohort.progress import tally_path, worst_finding
from cinecohort.cohort.runner import run_shard
from cinecohort.cohort.stage_settings import SETTINGS
from cinecohort.ledger.columns import COHORT, IDENTITY, STATE
from cinecohort.ledger.rows import columns_of, write_rows
from cinecohort.store import Record


def run_stage(
    stage: str,
    settings: str,
    table: Path,
    findings: Path,
    threads: int = 1,
    gpu: int = 0,
) -> None:
    """Run a stage over one shard and write its two tables.

    Parameters
    ----------
    stage
        One of :data:`cinecohort.cohort.versions.STAGES`.
    settings
        What :func:`cinecohort.cohort.settings.settings_for` made.
    table, findings
        The shard's table of subjects, ``{results}/{stage}/{shard}.tsv``, and of findings. The index and the
        store are in the same results folder.
    threads
        Processes (or, for segmentation, threads of the network).
    gpu
        GPUs that the job was given. Where there is one, a network on any other device is a mistake: the job
        fails instead of falling back in silence.

    Raises
    ------
    UserError
        If the engine or device that the configuration pins, or the job was given, is not there.
    """
    results, shard = table.parents[1], table.stem
    listed = index_path(results, shard).read_text(encoding="utf-8")
    subjects = subjects_of(listed)
    from cinecohort.cohort.stage_builders import BUILDERS

    made = BUILDERS[stage](SETTINGS[stage].read(settings), results, threads, gpu)
    tally = tally_path(results, stage, shard)
    logs = results / "logs" / "subjects"
    records = run_shard(made, subjects, results / "subjects", logs, threads, tally)
    rows = [row for subject, record in records for row in table_rows(stage, subject, record)]
    columns = columns_of(rows, (*IDENTITY, *STATE))
    write_rows(table, rows, columns)
    write_rows(findings, finding_rows(stage, records), COHORT["findings"].columns)
    if stage == "convert":
        note_converted(results, shard, listed)


def table_rows(stage: str, subject: IndexedSubject, record: Record) -> list[dict[str, Any]]:
    """Rows of a subject in its shard's table: one, or one a long-form row of its record."""
    worst = worst_finding(record.findings)
    who = {name: getattr(subject, name) for name in IDENTITY}
    state = {
        "status": str(record.status),
        "stage": record.stage,
        "code": worst.code if worst else "",
        "reason": worst.message if worst else "",
    }
    if record.stage != stage:
        return [who | state]
    # The state comes last: nothing that a stage measured may stand in its place.
    return [{**who, **record.values, **row, **state} for row in record.rows or [{}]]


def finding_rows(stage: str, records: Sequence[tuple[IndexedSubject, Record]]) -> Iterator[dict[str, Any]]:
    """Rows of all findings of a stage; those of earlier stages stand in theirs."""
    for subject, record in records:
        if record.stage == stage:
            for finding in record.findings:
                yield {
                    "subject": subject.subject,
                    "dataset": subject.dataset,
                    "stage": stage,
                    **finding.to_dict(),
                }
