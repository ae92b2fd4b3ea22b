"""The calibration as a file: everything that a probability, a cut and an interval come from."""

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from cinecohort.calibration.conformal import Interval
from cinecohort.calibration.model import FailureModel
from cinecohort.calibration.options import CalibrateOptions
from cinecohort.catalogue.findings import Code
from cinecohort.errors import UserError
from cinecohort.files import read_json, write_json
from cinecohort.options import Options, in_a_line

EXPLAINING = (Code.I2, Code.I3, Code.I4, Code.S2, Code.S3, Code.S4, Code.S7, Code.U1, Code.M2, Code.M3)
"""Checks of the short axis whose numbers, at end-diastole and end-systole, are among the predictors. Where a
calibration applies they say why; they flag nobody. All others flag as before: what conversion found, what is
missing, what depends on the course over time, and whatever is about the long axis."""


class Estimate(Options):
    """A share or area with its 95 % interval."""

    value: float | None
    """Estimate; null where nothing could be counted."""
    low: float | None = None
    """Lower bound."""
    high: float | None = None
    """Upper bound."""
    n: int = 0
    """Of how many rows."""


class Flagged(Options):
    """What is found when so many are flagged."""

    share: float
    """Share flagged, at the stated prevalence."""
    sensitivity: Estimate
    """Share of the bad results among them."""


class Stratum(Options):
    """Results at the cut in a part of the rows."""

    factor: str
    """What the rows are divided by."""
    level: str
    """Which part."""
    participants: int
    """Participants."""
    rows: int
    """Rows."""
    bad: int
    """Rows with a bad result."""
    found: int
    """Of these, flagged."""
    good_flagged: int
    """Good rows that are flagged."""
    auc: Estimate | None = None
    """Area under the ROC curve; older files have none."""


class Bin(Options):
    """A part of the reliability diagram."""

    predicted: float
    """Mean probability, out of fold."""
    observed: Estimate
    """Share that failed, at the stated prevalence; the interval resamples participants."""


class Missed(Options):
    """A bad result that was not flagged."""

    subject: str
    """The subject."""
    kind: str
    """``undamaged``, or how the images were degraded."""
    structures: list[str]
    """What failed."""
    probability: float
    """Of failure, out of fold."""
    errors: dict[str, float]
    """Dice of each structure and differences of measures."""


class Coverage(Options):
    """What the intervals of a measure cover on participants who were left out."""

    measure: str
    """The measure."""
    factor: str
    """``all``, ``dataset``, ``vendor``, ``group`` or ``kind``."""
    level: str
    """Which part."""
    covered: Estimate
    """Share of rows covered; the interval is exact for independent rows."""
    half_width: float
    """Median half of the interval's length; -1 where it is infinite."""


class Assessment(Options):
    """How good the calibration is, always on participants who were left out."""

    auc: dict[str, Estimate]
    """Area under the ROC curve of each structure, and of any (``any``)."""
    criteria: dict[str, Estimate] = {}
    """The same of each criterion, among the rows of which it is known."""
    auc_far: Estimate | None = None
    """The same of results that are bad beyond twice a limit, against good ones: what lies just beyond a limit
    looks like what lies just within."""
    sensitivity: Estimate
    """At the cut; cut and probabilities are both chosen without the participant."""
    good_flagged: Estimate
    """Share of good results above the cut."""
    good_undamaged_flagged: Estimate
    """The same among images that were not degraded."""
    flagged: list[Flagged]
    """Sensitivity by share flagged."""
    strata: list[Stratum]
    """Results at the cut by part."""
    reliability: list[Bin]
    """Reliability diagram of any failure."""
    missed: list[Missed]
    """All that the cut missed."""
    coverage: list[Coverage]
    """Of the intervals."""


class Calibration(Options):
    """A calibration."""

    version: int = 1
    """Of this format."""
    made_by: str
    """How the segmentations were made for which it holds."""
    observer: str
    """Whose labels were the reference."""
    options: CalibrateOptions
    """What counts as bad, and how it was learnt."""
    participants: dict[str, int]
    """Dataset to participants."""
    rows: dict[str, int]
    """Kind of image to rows."""
    without_volumes: list[str]
    """Datasets without a known voxel size."""
    left_out: dict[str, int]
    """Why rows were left out, and how many."""
    failures: dict[str, int]
    """Structure to failures among the rows; ``participants: LV`` and so on to participants with any."""
    prevalence: float | None
    """Share of subjects with a bad result for whom the probabilities are made."""
    models: dict[str, FailureModel | None]
    """Criterion (of calibrations of older versions: structure) to its model; null where there were too few
    failures. A structure's probability is the highest of its criteria."""
    unused: list[str]
    """Predictors that the results did not have."""
    cut: float | None
    """Probability of failure from which a subject is flagged; null: none finds enough of the bad results
    without flagging too many good ones, and checks flag by themselves."""
    explains: list[str]
    """Codes that say why and flag nobody where the calibration applies."""
    intervals: dict[str, Interval]
    """Measure to its interval; measures with too few participants have none."""
    assessment: Assessment
    """How good it is."""
    notes: list[str] = []
    """Where it holds and where not."""


def write_calibration(calibration: Calibration, path: Path) -> None:
    """Write a calibration as JSON, with numbers that can be read: six decimals, small ones three digits."""
    write_json(path, _shortened(calibration.model_dump(mode="json")))


def _shortened(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shortened(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_shortened(each) for each in value]
    if isinstance(value, float):
        return round(value, 6) if abs(value) >= 1e-3 else float(f"{value:.2e}")
    return value


def read_calibration(path: Path) -> Calibration:
    """Read a calibration.

    Raises
    ------
    UserError
        If the file is missing or is none.
    """
    if not path.is_file():
        raise UserError(f"{path}: there is no such calibration; make it with `cinecohort calibrate`.")
    try:
        return Calibration.model_validate(read_json(path))
    except (ValidationError, ValueError) as fault:
        raise UserError(
            f"{path}: is no calibration of `cinecohort calibrate` ({in_a_line(fault)}); make it "
            "again, or name another file."
        ) from fault
