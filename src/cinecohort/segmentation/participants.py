"""Whose images a folder holds, and splits that keep a participant's visits on one side."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from cinecohort.cohort.store import read_record


def participant_of(folder: Path) -> str:
    """Participant of a subject's folder, by its record of conversion; the folder's name where it has none."""
    record = read_record(folder, "convert")
    name = folder.resolve().name
    return str(record.values.get("participant") or name) if record else name


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
