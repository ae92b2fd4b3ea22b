"""Whose fault it is."""

import errno

import pytest

from cinecohort.errors import UserError, is_machine_fault


@pytest.mark.parametrize(
    "fault",
    [
        MemoryError(),
        OSError(errno.EIO, "Input/output error"),
        OSError(errno.ETIMEDOUT, "Connection timed out"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        RuntimeError(
            "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"
        ),
    ],
    ids=str,
)
def test_the_machine_s(fault: Exception) -> None:
    assert is_machine_fault(fault)


@pytest.mark.parametrize(
    "fault",
    [
        UserError("S1: there is no image."),
        OSError(errno.ENOENT, "No such file"),
        OSError("not a gzip file"),
        RuntimeError("shapes do not match"),
    ],
    ids=str,
)
def test_the_data_s(fault: Exception) -> None:
    assert not is_machine_fault(fault)
