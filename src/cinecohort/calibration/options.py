"""What counts as a failure, and how a calibration is made and used."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from cinecohort.files import expanded
from cinecohort.options import Options

SHIPPED = Path(__file__).parent / "shipped"
"""Folder of the calibrations that come with the package, named by weights."""

STRUCTURES = ("LV", "MYO", "RV")
"""Structures of the short axis, each with a probability of failure."""


def _file(value: str | Path) -> str | Path:
    return value if value in ("none", "shipped") else expanded(str(value))


class QualityOptions(Options):
    """How findings become flags."""

    calibration: Annotated[str | Path, AfterValidator(_file)] = "none"
    """Which calibration decides who is flagged: a file of `cinecohort calibrate`, `shipped` (the one that
    comes with the first short-axis weights, where there is one) or `none`: every check flags by itself. A
    calibration holds for segmentations that were made as those that it was learnt on (weights, second
    network, engine, clean-up); others have neither probabilities nor intervals, and their checks flag."""


class FailureOptions(Options):
    """When a result is bad; a value beyond any of the limits is enough."""

    dice: float = Field(default=0.7, gt=0, lt=1)
    """Least Dice of a structure at end-diastole and at end-systole."""

    edv_ml: float = Field(default=15.0, gt=0)
    """Largest difference of the LV's end-diastolic volume from the observer's (a failure of the LV)."""

    ef_pct: float = Field(default=8.0, gt=0)
    """Largest difference of the LV ejection fraction, percentage points (of the LV)."""

    mass_g: float = Field(default=20.0, gt=0)
    """Largest difference of the LV mass (of the myocardium)."""

    def doubled(self) -> "FailureOptions":
        """Return limits twice as far away, of the Dice from 1."""
        return FailureOptions(
            dice=max(1 - 2 * (1 - self.dice), 1e-6),
            edv_ml=2 * self.edv_ml,
            ef_pct=2 * self.ef_pct,
            mass_g=2 * self.mass_g,
        )


class CalibrateOptions(Options):
    """How a calibration is made."""

    failure: FailureOptions = FailureOptions()
    """What a bad result is."""

    prevalence: float | None = Field(default=None, gt=0, lt=1)
    """Share of subjects with a bad result that the probabilities are made for; that of the rows if unset."""

    sensitivity: float = Field(default=0.95, gt=0, le=1)
    """Share of bad results that the cut has to find, by cross-validation."""

    most_flagged: float = Field(default=0.5, ge=0, le=1)
    """Largest share of good results that the cut may flag, by cross-validation. Where it would take more to
    find enough of the bad ones there is no cut: probabilities and intervals stand in the tables, and every
    check flags by itself."""

    coverage: float = Field(default=0.90, gt=0, lt=1)
    """Share of measures that the intervals are to cover."""

    folds: int = Field(default=10, ge=2)
    """Folds of the cross-validation, with all rows of a participant in one."""

    fewest_failures: int = Field(default=5, ge=2)
    """A criterion by which fewer participants' results are bad has no model."""

    seed: int = 1
    """Seed of folds and resampling."""


def calibration_path(chosen: str | Path, weights: str) -> Path | None:
    """File of a calibration.

    Parameters
    ----------
    chosen
        Setting ``quality.calibration``.
    weights
        Name or path of the first short-axis weights.

    Returns
    -------
    Path or None
        None for ``none``, and for ``shipped`` where none comes with these weights.
    """
    if chosen == "none":
        return None
    if chosen != "shipped":
        return expanded(str(chosen))
    path = SHIPPED / f"{weights}.json"
    return path if path.is_file() else None
