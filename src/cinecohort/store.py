"""The store: one folder per subject, with one record per stage that says what was made from what.

A record holds the fingerprint of everything that went into the stage's work, the outcome, each output with
its size and digest, and a digest of itself, so that an edited number is noticed. It is written last, so a
killed job leaves either the old record or the new one, never a half. Times and hosts are kept out: the store
of the same inputs is the same bytes.
"""

import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cinecohort.errors import is_machine_fault
from cinecohort.files import digest_bytes, digest_file, digest_json, read_json, write_json
from cinecohort.findings import Finding, Outcome, Status

ABANDONED_AFTER_S = 3600
"""A temporary file that nobody wrote to for so long belongs to no living job (see `remove_abandoned`)."""


def corrected_path(folder: Path, view: str) -> Path:
    """``corrected_{view}.nii.gz``: a person's correction of the primary model's segmentation."""
    return folder / f"corrected_{view}.nii.gz"


@dataclass(frozen=True)
class Record:
    """What a stage left behind for one subject, as in ``{stage}.json``."""

    stage: str
    version: int
    fingerprint: str
    status: Status
    findings: list[Finding] = field(default_factory=list)
    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        return {
            "stage": self.stage,
            "version": self.version,
            "fingerprint": self.fingerprint,
            "status": str(self.status),
            "findings": [finding.to_dict() for finding in self.findings],
            "outputs": self.outputs,
            "values": self.values,
            "rows": self.rows,
        }

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> "Record":
        """Read what :meth:`to_dict` wrote."""
        findings = [Finding.from_dict(finding) for finding in value["findings"]]
        return cls(**{**value, "status": Status(value["status"]), "findings": findings})

    def result_digest(self) -> str:
        """Digest of what the stage made, whatever it was made from.

        Later stages take this as their input: work that came out the same bytes again changes nothing
        downstream.
        """
        made = self.to_dict()
        return digest_json({key: made[key] for key in ("status", "findings", "outputs", "values", "rows")})


def fingerprint(stage: str, version: int, parameters: Any, inputs: Mapping[str, str]) -> str:
    """Digest of everything that a stage's result depends on.

    Parameters
    ----------
    stage, version
        The stage and the integer that is raised when its code changes meaning.
    parameters
        The options that it uses, as plain values.
    inputs
        Digest of each input: raw content, results of earlier stages, weights.
    """
    return digest_json({"stage": stage, "version": version, "parameters": parameters, "inputs": dict(inputs)})


def record_path(folder: Path, stage: str) -> Path:
    """Path of a stage's record in a subject's folder."""
    return folder / f"{stage}.json"


def read_record(folder: Path, stage: str) -> Record | None:
    """Read a stage's record; None where there is none, or it cannot be read, or was edited."""
    try:
        values = read_json(record_path(folder, stage))
        return Record.from_dict(values) if values.pop("digest") == seal(values) else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as fault:
        if is_machine_fault(fault):
            raise
        return None


def seal(values: Mapping[str, Any]) -> str:
    """Digest of a record's values, which stands in the record as ``digest``."""
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return digest_bytes(text.encode())


def write_record(folder: Path, stage: str, version: int, fingerprint: str, outcome: Outcome) -> Record:
    """Write a stage's record, last of all, and remove outputs that only the earlier record had."""
    earlier = read_record(folder, stage)
    outputs = {
        name: {"size": (folder / name).stat().st_size, "sha256": digest_file(folder / name)}
        for name in sorted(outcome.outputs)
    }
    record = Record(
        stage=stage,
        version=version,
        fingerprint=fingerprint,
        status=outcome.status,
        findings=outcome.findings,
        outputs=outputs,
        values=plain(outcome.values),
        rows=plain(outcome.rows),
    )
    save_record(folder, record)
    for name in set(earlier.outputs if earlier else ()) - set(outputs):
        _remove(folder / name)
    return record


def _remove(output: Path) -> None:
    """Remove an output; a folder of its name is somebody else's, and must not stop a shard."""
    if not output.is_dir():
        output.unlink(missing_ok=True)


def save_record(folder: Path, record: Record) -> None:
    """Write a record with its digest, by rename."""
    values = record.to_dict()
    # In the order of the values, which is that of the tables' columns, now and when the record is read again.
    write_json(record_path(folder, record.stage), {**values, "digest": seal(values)}, sort_keys=False)


def plain(value: Any) -> Any:
    """`value` with numpy scalars as Python numbers and None for what is not finite, as JSON needs it."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def holds(folder: Path, stage: str, fingerprint: str) -> Record | None:
    """Return the record if it was made from just these inputs and all its outputs have their size.

    An unexpected fault never holds, so the next run that reaches the subject tries again.
    """
    record = read_record(folder, stage)
    if record is None or record.fingerprint != fingerprint or record.status is Status.ERROR:
        return None
    for name, expected in record.outputs.items():
        try:
            if (folder / name).stat().st_size != expected["size"]:
                return None
        except OSError:
            return None
    return record


def forget(folder: Path, stage: str) -> None:
    """Remove a stage's record and outputs, for a subject that the stage no longer works on."""
    record = read_record(folder, stage)
    record_path(folder, stage).unlink(missing_ok=True)
    for name in record.outputs if record else ():
        _remove(folder / name)


def abandoned_files(folder: Path) -> list[Path]:
    """Temporary files of jobs that were killed, in a subject's folder.

    Another job may be writing beside this one (see the module's docstring), so only files count that nobody
    touched for :data:`ABANDONED_AFTER_S`; writing one takes seconds.
    """
    oldest = time.time() - ABANDONED_AFTER_S
    found = []
    for path in folder.glob(".*.tmp"):
        try:
            if path.stat().st_mtime < oldest:
                found.append(path)
        except FileNotFoundError:
            continue
    return sorted(found)


def remove_abandoned(folder: Path) -> int:
    """Remove a subject's :func:`abandoned_files`; returns how many there were."""
    paths = abandoned_files(folder)
    for path in paths:
        path.unlink(missing_ok=True)
    return len(paths)


def damaged_outputs(folder: Path, record: Record) -> dict[str, str]:
    """Outputs of a record that are not what it says: name to ``deleted``, ``truncated`` or ``edited``."""
    damage = {}
    for name, expected in record.outputs.items():
        path = folder / name
        if not path.is_file():
            damage[name] = "deleted"
        elif path.stat().st_size != expected["size"]:
            damage[name] = "truncated" if path.stat().st_size < expected["size"] else "edited"
        elif digest_file(path) != expected["sha256"]:
            damage[name] = "edited"
    return damage
