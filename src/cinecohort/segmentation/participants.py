"""Whose images a folder holds, and splits that keep a participant's visits on one side.

A name is one person in whatever folder or dataset it stands: two people of one name cost a subject to test,
one person taken for two would be tested on what was learnt.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from cinecohort.errors import UserError
from cinecohort.store import read_record, record_path


def participant_of(folder: Path) -> str:
    """Participant of a subject's folder, by its record of conversion; the folder's name where it has none.

    Raises
    ------
    UserError
        If there is a record that cannot be read or was edited: whose visit this is would be a guess.
    """
    name = folder.resolve().name
    path = record_path(folder, "convert")
    if not path.is_file():
        return name
    record = read_record(folder, "convert")
    if record is None:
        raise UserError(
            f"{path}: is damaged or was edited, so that whose visit it is is not known; convert {name} again."
        )
    return str(record.values.get("participant") or name)


def participants_of(folders: Iterable[Path]) -> dict[Path, str]:
    """Participant of each folder."""
    return {folder: participant_of(folder) for folder in folders}


def draw_participants(participants: Sequence[str], subjects: int, generator: np.random.Generator) -> set[str]:
    """Draw participants at random until they have this many subjects (visits) together.

    Parameters
    ----------
    participants
        Of each subject, in an order that does not depend on chance.
    subjects
        How many are wanted; more are drawn where the last participant has several.
    generator
        Source of everything random.
    """
    visits = Counter(participants)
    everyone = list(visits)
    drawn: set[str] = set()
    count = 0
    for index in generator.permutation(len(everyone)):
        if count >= subjects:
            break
        drawn.add(everyone[index])
        count += visits[everyone[index]]
    return drawn
