"""One run at a time on a results folder, whatever folder or machine the runs are started from.

Snakemake's own lock knows of runs that were started in the same folder. This one is a lock of the operating
system on a file in the results, which ends with its process, however that ends.
"""

import errno
import fcntl
import json
import os
import socket
import time
from pathlib import Path
from typing import TextIO

from cinecohort.errors import UserError

UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
"""A file system without locks: there Snakemake's own lock has to do."""

READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)
"""Results that this user cannot write to cannot be worked on either."""

PATIENCE_S = 30.0
"""`cinecohort verify` keeps the lock for a while, and is waited for; a run is not."""


class RunLock:
    """The lock of a results folder.

    Parameters
    ----------
    results
        The results folder.
    """

    def __init__(self, results: Path) -> None:
        self.results = results
        self.path = results / "index" / "lock"
        self.stream: TextIO | None = None

    def take(self, patience: float = PATIENCE_S) -> str:
        """Take the lock and return nothing, or return a sentence about who has it.

        Parameters
        ----------
        patience
            Seconds to wait for somebody who is no run.
        """
        if self.stream is not None:
            return ""
        end = time.monotonic() + patience
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            stream = self.path.open("a+", encoding="utf-8", errors="replace")
        except OSError as refusal:
            if refusal.errno in READ_ONLY:
                return ""
            raise UserError(
                f"{self.path}: cannot be opened ({refusal.strerror}), so that nobody knows whether another "
                "run works on these results. If none does, remove it; otherwise see to the disk."
            ) from refusal
        while True:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as refusal:
                if refusal.errno in UNSUPPORTED:
                    stream.close()
                    return ""
                holder = _said_in(stream)
                if holder or time.monotonic() > end:
                    stream.close()
                    return self._sentence(holder)
                time.sleep(0.2)
                continue
            if _said_in(stream):
                # Left by a run that was killed.
                stream.truncate(0)
            self.stream = stream
            return ""

    def look(self) -> str:
        """Return a sentence about who has the lock, or nothing. No file is changed or made."""
        try:
            with self.path.open(encoding="utf-8", errors="replace") as stream:
                try:
                    fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except OSError as refusal:
                    return "" if refusal.errno in UNSUPPORTED else self._sentence(_said_in(stream))
        except OSError:
            pass
        return ""

    def keep(self) -> None:
        """Take the lock for a run, until this process ends.

        Raises
        ------
        UserError
            If another run works on the results.
        """
        other = self.take()
        if other:
            raise UserError(f"Nothing was started, since {other}")
        if self.stream is not None:
            about = {
                "host": socket.gethostname(),
                "process": os.getpid(),
                "since": time.strftime("%Y-%m-%d %H:%M"),
                "folder": str(Path.cwd()),
            }
            self.stream.write(json.dumps(about))
            self.stream.flush()

    def release(self) -> None:
        """Let others have the lock."""
        if self.stream is not None:
            if _said_in(self.stream):
                self.stream.truncate(0)
            self.stream.close()
            self.stream = None

    def _sentence(self, holder: str) -> str:
        try:
            about = json.loads(holder)
            place = f"process {about['process']} on {about['host']}, in {about['folder']}"
            who = f"since {about['since']} ({place})"
        except (ValueError, KeyError, TypeError):
            who = "now"
        return f"another run works on {self.results} {who}; wait for its end, or end it."


def _said_in(stream: TextIO) -> str:
    stream.seek(0)
    return stream.read()
