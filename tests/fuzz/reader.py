"""What a reader under test is, and the folder that its files are written to."""

import atexit
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from fuzz.mutation import mutated


@dataclass(frozen=True)
class Reader:
    """A reader under test.

    Parameters
    ----------
    examples
        Makes whole files.
    read
        Reads one; says whether it got past the header.
    allowed
        What it may raise for damaged content.
    damage
        Damages an example.
    """

    examples: Callable[[], list[bytes]]
    read: Callable[[bytes], bool]
    allowed: tuple[type[BaseException], ...] = ()
    damage: Callable[[bytes, np.random.Generator], bytes] = mutated


@cache
def scratch() -> Path:
    """Folder in memory, where there is one: folders on a disk take longer than most readers."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="fuzz", dir=memory if memory.is_dir() else None))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def written(name: str, content: bytes) -> Path:
    """Write a file of the case; the next case writes it again."""
    path = scratch() / name
    path.write_bytes(content)
    return path


def read_file(read: Callable[[Path], object], name: str) -> Callable[[bytes], bool]:
    """A reader of a file of this name, which is past its header where it gives something but None."""
    return lambda content: read(written(name, content)) is not None
