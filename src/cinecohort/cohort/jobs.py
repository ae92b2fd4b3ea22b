"""What every job of the workflow does around its one call: a log, and errors as sentences."""

import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from types import FrameType

from cinecohort.errors import UserError


@contextmanager
def logged(log: str) -> Iterator[None]:
    """Send what is printed to the job's log, and print on the terminal only why a job failed.

    A job that is asked to end (a time limit, scancel) ends by an exception, so that it clears away what it
    was in the middle of writing.

    Raises
    ------
    SystemExit
        With status 1, after any failure; the traceback stands in the log.
    """
    path = Path(log)
    path.parent.mkdir(parents=True, exist_ok=True)
    usual = signal.signal(signal.SIGTERM, _end)
    with path.open("w", buffering=1) as stream, redirect_stdout(stream), redirect_stderr(stream):
        try:
            yield
        except UserError as error:
            print(error)
            _tell(str(error))
            raise SystemExit(1) from error
        except Exception as fault:
            traceback.print_exc()
            _tell(f"{type(fault).__name__}: {fault} (see {log})")
            raise SystemExit(1) from fault
        finally:
            signal.signal(signal.SIGTERM, usual)


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _tell(message: str) -> None:
    if sys.__stderr__ is not None:
        print(f"cinecohort: {message}", file=sys.__stderr__, flush=True)
