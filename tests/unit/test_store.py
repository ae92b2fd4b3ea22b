import numpy as np
import pytest

from cinecohort.findings import Finding, Level, Outcome, Status
from cinecohort.store import (
    damaged_outputs,
    fingerprint,
    forget,
    holds,
    read_record,
    record_path,
    write_record,
)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "sa.nii.gz").write_bytes(b"image")
    return tmp_path


def outcome(**changes):
    made = {
        "findings": [Finding("GAP", Level.REVIEW, "One sentence.", "sa", (1, 2), (), 20.0, 10.5)],
        "outputs": ["sa.nii.gz"],
        "values": {"n_slices": np.int64(10), "dz_mm": float("nan")},
    }
    return Outcome(**{**made, **changes})


def test_a_record_comes_back_as_it_was_written(folder):
    written = write_record(folder, "convert", 3, "print", outcome())
    assert read_record(folder, "convert") == written
    assert written.values == {"n_slices": 10, "dz_mm": None}
    assert written.findings[0].slices == (1, 2)


def test_values_come_back_in_their_order(folder):
    rows = [{"source": "net", "lvedv_ml": 1.0, "a": 2}]
    write_record(folder, "measure", 1, "print", outcome(values={"views": "sa", "dx_mm": 1.0}, rows=rows))
    record = read_record(folder, "measure")
    assert list(record.values) == ["views", "dx_mm"]
    assert list(record.rows[0]) == ["source", "lvedv_ml", "a"]


def test_the_order_of_values_changes_no_digest(folder):
    first = write_record(folder, "measure", 1, "print", outcome(values={"a": 1, "b": 2}))
    second = write_record(folder, "measure", 1, "print", outcome(values={"b": 2, "a": 1}))
    assert first.result_digest() == second.result_digest()


def test_the_same_outcome_gives_the_same_bytes(folder):
    write_record(folder, "convert", 1, "print", outcome())
    first = record_path(folder, "convert").read_bytes()
    write_record(folder, "convert", 1, "print", outcome())
    assert record_path(folder, "convert").read_bytes() == first


@pytest.mark.parametrize(
    "changed",
    [
        {"stage": "other"},
        {"version": 2},
        {"parameters": {"a": 2}},
        {"inputs": {"raw": "y"}},
    ],
)
def test_whatever_goes_in_changes_the_fingerprint(changed):
    base = {"stage": "convert", "version": 1, "parameters": {"a": 1}, "inputs": {"raw": "x"}}
    assert fingerprint(**base) == fingerprint(**base)
    assert fingerprint(**{**base, **changed}) != fingerprint(**base)


def test_a_record_holds_until_its_inputs_or_its_outputs_change(folder):
    write_record(folder, "convert", 1, "print", outcome())
    assert holds(folder, "convert", "print") is not None
    assert holds(folder, "convert", "another print") is None
    (folder / "sa.nii.gz").write_bytes(b"imag")
    assert holds(folder, "convert", "print") is None
    (folder / "sa.nii.gz").unlink()
    assert holds(folder, "convert", "print") is None


def test_an_unexpected_fault_never_holds(folder):
    write_record(folder, "convert", 1, "print", outcome(at_least=Status.ERROR))
    assert holds(folder, "convert", "print") is None


@pytest.mark.parametrize("content", [b"", b"{", b'{"stage": "convert"}', b"[1]"])
def test_a_damaged_record_is_no_record(folder, content):
    record_path(folder, "convert").write_bytes(content)
    assert read_record(folder, "convert") is None
    assert holds(folder, "convert", "print") is None


def test_outputs_that_are_no_longer_made_are_removed(folder):
    (folder / "la_2ch.nii.gz").write_bytes(b"image")
    write_record(folder, "convert", 1, "old", outcome(outputs=["sa.nii.gz", "la_2ch.nii.gz"]))
    write_record(folder, "convert", 1, "new", outcome())
    assert not (folder / "la_2ch.nii.gz").exists()
    assert (folder / "sa.nii.gz").exists()


def test_forgetting_removes_record_and_outputs(folder):
    write_record(folder, "convert", 1, "print", outcome())
    forget(folder, "convert")
    assert list(folder.iterdir()) == []


def test_damage_is_distinguished(folder):
    for name in ("b", "c", "d"):
        (folder / name).write_bytes(b"content")
    record = write_record(folder, "convert", 1, "print", outcome(outputs=["sa.nii.gz", "b", "c", "d"]))
    (folder / "b").unlink()
    (folder / "c").write_bytes(b"cont")
    (folder / "d").write_bytes(b"c0ntent")
    assert damaged_outputs(folder, record) == {"b": "deleted", "c": "truncated", "d": "edited"}


def test_a_result_digest_tells_results_not_inputs(folder):
    first = write_record(folder, "convert", 1, "one print", outcome())
    second = write_record(folder, "convert", 2, "another print", outcome())
    other = write_record(folder, "convert", 2, "another print", outcome(values={"n_slices": 9}))
    assert first.result_digest() == second.result_digest() != other.result_digest()
