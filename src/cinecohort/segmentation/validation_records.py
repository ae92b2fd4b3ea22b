"""Records of a network's test on labelled real hearts: what lifts the mark of a network not validated."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, field_validator

from cinecohort.errors import UserError
from cinecohort.files import read_json
from cinecohort.options import Options, in_a_line
from cinecohort.segmentation.descriptions import ModelDescription

LEAST_DICE = {"LV": 0.87, "MYO": 0.82, "RV": 0.82, "LA": 0.85, "RA": 0.85}
"""Mean Dice that a structure has to reach. Of the ventricles: the lowest mean between two experts in Bai
2018, Table 3 (0.92, 0.87 and 0.87), less 0.05. Of the atria, of which that paper gives no Dice between
experts: a convention of this software, which the record states."""

LARGEST_BIAS_PCT, FEWEST_SUBJECTS, LARGEST_FAILED_PCT = 10.0, 20, 5.0


class ValidationBars(Options):
    """What a network has to reach to be taken for validated; a file may raise the bars, not lower them."""

    least_dice: dict[str, float] = Field(default_factory=lambda: {**LEAST_DICE})
    """Mean Dice by structure; the usual one where it is not named."""
    largest_bias_pct: float = Field(default=LARGEST_BIAS_PCT, gt=0, le=LARGEST_BIAS_PCT)
    """Mean difference of a structure's size (volume in the short axis, area in the long axis) from the
    expert's, in percent of the expert's mean, that it may have on either side."""
    fewest_subjects: int = Field(default=FEWEST_SUBJECTS, ge=FEWEST_SUBJECTS)
    """Subjects below which a mean says too little."""
    largest_failed_pct: float = Field(default=LARGEST_FAILED_PCT, ge=0, le=LARGEST_FAILED_PCT)
    """Subjects that may fail to be segmented or compared, in percent."""

    @field_validator("least_dice")
    @classmethod
    def _none_is_lowered(cls, values: dict[str, float]) -> dict[str, float]:
        for name, value in values.items():
            if name not in LEAST_DICE:
                raise ValueError(f"{name} is none of {', '.join(LEAST_DICE)}")
            if not LEAST_DICE[name] <= value <= 1:
                raise ValueError(f"{name}: must be from {LEAST_DICE[name]:g}, the usual bar, to 1")
        return {**LEAST_DICE, **values}


class StructureRecord(Options):
    """How a structure was segmented, over subjects and frames."""

    n: int
    """Frames in which the expert drew it."""
    dice_mean: float
    """Mean 3D Dice."""
    dice_sd: float
    """Its standard deviation."""
    dice_lowest: float
    """Its lowest value."""
    bias_pct: float
    """Mean difference of its size from the expert's, in percent of the expert's mean."""


class ValidationRecord(Options):
    """A test of weights on labelled hearts that their training never saw."""

    weights: str
    """Name of the weights."""
    sha256: str
    """Their digest; of an ensemble those of its members joined by +."""
    view: Literal["sa", "la_2ch", "la_4ch"]
    """View."""
    dataset: str
    """Name of the folder of subjects."""
    observer: str
    """Whose labels."""
    engine: str
    """Engine and precision that segmented them."""
    n_subjects: int
    """Subjects that were compared."""
    n_seen: int
    """Subjects left out since the training saw them."""
    n_failed: int
    """Subjects that could not be segmented or compared."""
    structures: dict[str, StructureRecord]
    """By structure."""
    untested: list[str] = Field(default_factory=list)
    """Structures that the network segments, nobody drew here, and nothing is measured from."""
    bars: dict[str, float] = Field(default_factory=dict)
    """What had to be reached."""
    failures: list[str] = Field(default_factory=list)
    """What was not reached, in sentences; empty where all was."""

    @property
    def passed(self) -> bool:
        """Whether every bar was reached."""
        return not self.failures

    @property
    def verdict(self) -> str:
        """Whether it passed, why not, and what was not tested."""
        words = "passed" if self.passed else f"not passed: {'; '.join(self.failures)}"
        untested = f"not tested, and nothing is measured from it: {', '.join(self.untested)}"
        return f"{words}; {untested}" if self.untested else words


def bars_of(structures: Iterable[str], bars: ValidationBars) -> dict[str, float]:
    """Every bar by its name, for the record."""
    return {
        **{f"least mean Dice, {name}": bars.least_dice[name] for name in structures},
        "largest bias, %": bars.largest_bias_pct,
        "fewest subjects": float(bars.fewest_subjects),
        "largest share of failed subjects, %": bars.largest_failed_pct,
    }


def failures_of(
    n_subjects: int,
    n_failed: int,
    structures: Mapping[str, StructureRecord],
    not_compared: Sequence[str] = (),
    bars: ValidationBars | None = None,
) -> list[str]:
    """Bars that were not reached, as sentences; `not_compared` are structures of the network nobody drew."""
    bars = bars or ValidationBars()
    failures = []
    if not_compared:
        failures.append(
            f"{', '.join(not_compared)}: the network segments it and nobody drew it here; use labels of it"
        )
    if n_subjects < bars.fewest_subjects:
        failures.append(f"{n_subjects} subjects were compared, at least {bars.fewest_subjects} are needed")
    if n_failed > bars.largest_failed_pct / 100 * (n_subjects + n_failed):
        failures.append(f"{n_failed} of {n_subjects + n_failed} subjects could not be segmented or compared")
    for name, found in structures.items():
        if not found.dice_mean >= bars.least_dice[name]:
            failures.append(f"{name}: mean Dice {found.dice_mean:.3f} is below {bars.least_dice[name]:g}")
        if not abs(found.bias_pct) <= bars.largest_bias_pct:
            failures.append(
                f"{name}: its size differs by {found.bias_pct:+.1f} % on average, more than "
                f"{bars.largest_bias_pct:g} %"
            )
    return failures


def with_record(description: ModelDescription, record: Path | None) -> ModelDescription:
    """Description of weights, validated where a record of a passed test of these very weights says so.

    Raises
    ------
    UserError
        If the record cannot be read, is of other weights or another view, or was not passed.
    """
    if record is None or description.validated:
        return description
    found = read_record(record)
    if found.sha256 != description.sha256 or found.view != description.view:
        raise UserError(
            f"{record}: is of {found.weights} ({found.view}), not of these weights of {description.name} "
            f"({description.view}); run `cinecohort validate` with them, or take the record out of the "
            "configuration."
        )
    if not found.passed:
        raise UserError(
            f"{record}: {found.weights} did not pass: {'; '.join(found.failures)}. Take the record out of "
            "the configuration; what the network measures stays marked."
        )
    return description.model_copy(update={"validated": True})


def read_record(path: Path) -> ValidationRecord:
    """Read a record.

    Raises
    ------
    UserError
        If it is not there or is none.
    """
    try:
        return ValidationRecord.model_validate(read_json(path))
    except (OSError, ValueError, ValidationError) as fault:
        raise UserError(
            f"{path}: cannot be read as a record of validation ({in_a_line(fault)}); make it with "
            "`cinecohort validate`."
        ) from fault
