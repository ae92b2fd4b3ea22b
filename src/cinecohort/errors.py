"""Errors that are meant for people, and those that are the machine's."""

import errno
import sys

MACHINE_FAULTS = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ESTALE, errno.EMFILE, errno.ENFILE),
    *(errno.ENOMEM, errno.ENODEV, errno.ETIMEDOUT, errno.ENOTCONN, errno.EHOSTDOWN),
)
"""Error numbers that no subject's data can cause."""

SAID_BY_TORCH = ("can't allocate memory", "CUDNN_STATUS", "CUBLAS_STATUS")
"""In the message of a RuntimeError by which torch says that the machine failed."""


class UserError(Exception):
    """Something in the user's input or configuration stops the work.

    The message is a whole sentence that names the subject or file, says what is wrong and what to
    do. The command line prints it without a traceback and exits with 1.
    """


def is_machine_fault(fault: BaseException) -> bool:
    """Whether the machine is to blame: no memory, a full or broken disk, a GPU that is full or lost.

    What such a fault stopped has to fail and be run again; no subject's data can cause it.
    """
    if isinstance(fault, OSError):
        return fault.errno in MACHINE_FAULTS
    torch = sys.modules.get("torch")  # Faults of its own can be met only where it was imported.
    of_the_gpu = () if torch is None else (torch.OutOfMemoryError, torch.AcceleratorError)
    if isinstance(fault, RuntimeError) and any(words in str(fault) for words in SAID_BY_TORCH):
        return True
    return isinstance(fault, (MemoryError, *of_the_gpu))
