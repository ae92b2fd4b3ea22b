"""Loaded by every Python that a test starts: notes each attempt to reach a network in a file, and refuses it.

The file is named by ``CINECOHORT_NETWORK_LOG``. Sockets of the machine itself (AF_UNIX) are let through.
"""

import os
import sys
from pathlib import Path

EVENTS = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "socket.sendmsg")


def watch(event: str, arguments: tuple[object, ...]) -> None:
    """Refuse what would leave the machine."""
    if event not in EVENTS:
        return
    address = arguments[1] if event in ("socket.connect", "socket.sendto", "socket.sendmsg") else arguments[0]
    if address is None or (
        isinstance(address, (str, bytes)) and event in ("socket.connect", "socket.sendto")
    ):
        return
    with Path(os.environ["CINECOHORT_NETWORK_LOG"]).open("a") as stream:
        stream.write(f"{event} {address!r} by {sys.orig_argv}\n")
    raise OSError(f"no network in this test: {event} {address!r}")


sys.addaudithook(watch)
