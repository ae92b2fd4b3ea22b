"""Errors that are meant for people, and those that are the machine's."""

import errno
import struct
import sys
import zipfile
import zlib

FAULTS_OF_DATA = (
    *(errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENOTEMPTY),
    *(errno.ELOOP, errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ),
)
"""Error numbers that a subject's files can cause by what they are; all others are the machine's."""

FORMAT_FAULTS: tuple[type[Exception], ...] = (
    *(ArithmeticError, AssertionError, AttributeError, EOFError, LookupError),
    *(RuntimeError, TypeError, ValueError, struct.error, zlib.error, zipfile.BadZipFile),
)
"""By which libraries say that content is not of its format. Neither memory nor a disk can cause them."""

SAID_BY_TORCH = ("can't allocate memory", "CUDNN_STATUS", "CUBLAS_STATUS")
"""In the message of a RuntimeError by which torch says that the machine failed."""


class Vanished(OSError):
    """A file that was listed is not there any more, or is another: the data must be listed again."""


class UserError(Exception):
    """Something in the user's input or configuration stops the work.

    The message is a whole sentence that names the subject or file, says what is wrong and what to
    do. The command line prints it without a traceback and exits with 1.
    """


def is_machine_fault(fault: BaseException) -> bool:
    """Whether the machine is to blame: no memory, a full or broken disk, no permission, a lost GPU.

    What such a fault stopped has to fail and be run again; no subject's data can cause it.
    """
    if isinstance(fault, OSError):
        # Libraries raise it without a number for what they cannot read.
        return isinstance(fault, Vanished) or (fault.errno is not None and fault.errno not in FAULTS_OF_DATA)
    torch = sys.modules.get("torch")  # Faults of its own can be met only where it was imported.
    of_the_gpu = () if torch is None else (torch.OutOfMemoryError, torch.AcceleratorError)
    if isinstance(fault, RuntimeError) and any(words in str(fault) for words in SAID_BY_TORCH):
        return True
    return isinstance(fault, (MemoryError, *of_the_gpu))
