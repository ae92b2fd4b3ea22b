"""How a check says what it found."""

from collections.abc import Iterable

from cinecohort.catalogue.findings import Code
from cinecohort.catalogue.views import STRUCTURES
from cinecohort.findings import Finding, Level
from cinecohort.quality.options import Action

LEVELS = {"info": Level.INFO, "review": Level.REVIEW, "reject": Level.REJECT}


def action_for(action: Action, view: str, structure: str) -> Action:
    """What a check does about a structure: one that nothing is measured from is noted and flags nobody."""
    return action if action == "off" or structure in STRUCTURES[view].values() else "info"


def in_places(slices: Iterable[int], frames: Iterable[int]) -> str:
    """How many slices and frames the places of a finding lie in, such as ``in 3 slices, 12 frames``."""
    numbers = ((len(set(map(int, listed))), name) for listed, name in ((slices, "slice"), (frames, "frame")))
    return "in " + ", ".join(f"{n} {name}{'' if n == 1 else 's'}" for n, name in numbers)


def finding(
    code: Code,
    action: Action,
    message: str,
    *,
    view: str | None = None,
    slices: Iterable[int] = (),
    frames: Iterable[int] = (),
    value: float | None = None,
    threshold: float | None = None,
) -> list[Finding]:
    """Return the finding of a check that is on, as a list; nothing where the check is off."""
    if action == "off":
        return []
    return [
        Finding(
            code,
            LEVELS[action],
            f"{view}: {message}" if view else message,
            view=view,
            slices=tuple(int(index) for index in slices),
            frames=tuple(int(index) for index in frames),
            value=None if value is None else round(float(value), 4),
            threshold=threshold,
        )
    ]
