"""How a check says what it found."""

from collections.abc import Iterable

from cinecohort.findings import Finding, Level
from cinecohort.quality.options import Action

CHECKS = {
    "I1": "size and spacing of the stack",
    "I2": "contrast of LV and myocardium",
    "I3": "shift between slices",
    "I4": "coverage of the LV",
    "I5": "frames out of step",
    "I6": "saturated or empty pixels",
    "VIEW": "confidence of the view",
    "S1": "every structure in every frame",
    "S2": "one component a slice",
    "S3": "myocardium closed around the LV",
    "S4": "topology of the ventricles",
    "S5": "volume steady from frame to frame",
    "S6": "one contraction in the cycle",
    "S7": "short-axis rule of ukbb_cardiac",
    "S8": "long-axis rule of ukbb_cardiac",
    "S9": "atrium rule of ukbb_cardiac",
    "S10": "slices in step with each other",
    "S11": "what the clean-up changed",
    "LABEL_SWAP": "LV and RV exchanged",
    "U1": "repeated predictions agree",
    "M1": "order and range of volumes, mass and ejection fraction",
    "M2": "mass at end-diastole and end-systole",
    "M3": "LV and RV stroke volumes",
    "M4": "LA from both views, and its time",
    "M5": "place in the cohort",
}
"""Code of each check to what it looks at."""

LEVELS = {"info": Level.INFO, "review": Level.REVIEW, "reject": Level.REJECT}


def finding(
    code: str,
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
