"""Options of the matched group study: who is compared, how they are matched, what is measured."""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from cinecohort.options import Options
from cinecohort.statistics.condition_syntax import parse_condition
from cinecohort.statistics.icd10 import parse_codes

CVD_ICD10 = ("I21", "I22", "I23", "I25", "I42", "I50")
"""ICD-10 prefixes of cardiovascular disease as in Bai 2018's test subgroup."""


def _checked(condition: str) -> str:
    parse_condition(condition)
    return condition


class GroupOptions(Options):
    """One group of the study."""

    label: str = Field(min_length=1)
    """Name of the group in tables and figures."""
    condition: str
    """Condition on the participants' columns, such as ``18.5 <= bmi < 25`` or ``group == 'DCM'``."""

    _condition = field_validator("condition")(_checked)


class ExclusionOptions(Options):
    """Who is left out of the study before its groups are made."""

    icd10: tuple[str, ...] = ()
    """ICD-10 codes (``I21``, ``I21.0``), each with all below it, ranges (``I20-I25``) or ``I2*``; a
    participant with any of them in the column ``icd10`` is left out."""
    before_scan_only: bool = False
    """Count only diagnoses dated before the scan; a code without a date counts in any case."""
    self_reported_mi: bool = False
    """Leave out participants who reported a heart attack."""
    conditions: tuple[str, ...] = ()
    """Further conditions; whoever meets one is left out."""
    status: tuple[Literal["excluded", "error", "review"], ...] = ("excluded", "error")
    """Quality statuses that are left out."""
    flagged: Literal["keep", "drop"] = "keep"
    """Whether subjects with status ``review`` stay in; the other way is among the sensitivity analyses."""

    @field_validator("icd10")
    @classmethod
    def _codes(cls, icd10: tuple[str, ...]) -> tuple[str, ...]:
        for code in icd10:
            parse_codes(code)
        return icd10

    @field_validator("conditions")
    @classmethod
    def _conditions(cls, conditions: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_checked(condition) for condition in conditions)


class MatchingOptions(Options):
    """Propensity score matching, with the defaults of R's MatchIt 4.7.2."""

    method: Literal["nearest", "optimal"] = "nearest"
    """``nearest``: one subject after the other takes its nearest partner; ``optimal``: the most pairs and,
    among the ways to form these, the least sum of distances."""
    estimand: Literal["att", "atc"] = "att"
    """``att``: every exposed subject looks for partners; ``atc``: every reference subject does."""
    distance: Literal["probability", "linear"] = "probability"
    """Match on the fitted probability, or on the linear predictor (the logit)."""
    order: Literal["largest", "smallest", "data", "random", "closest", "farthest"] | None = None
    """Order in which subjects choose; unset: ``largest`` for ``att``, ``smallest`` for ``atc``."""
    ratio: int = Field(default=1, ge=1)
    """Partners per subject, at most."""
    replace: bool = False
    """Whether a partner may be chosen more than once."""
    caliper: float | None = Field(default=None, ge=0)
    """Largest distance between partners; unset: no limit."""
    caliper_scale: Literal["sd", "raw"] = "sd"
    """Whether calipers are in standard deviations (over all subjects that are not discarded) or in raw
    units."""
    covariate_calipers: dict[str, float] = {}
    """Largest difference between partners in single covariates, on the same scale."""
    exact: tuple[str, ...] = ()
    """Columns in which partners must agree."""
    discard: Literal["none", "both", "treated", "control"] = "none"
    """Whom to leave out beforehand for a score beyond the other group's range."""
    seed: int = Field(default=0, ge=0)
    """Seed of the order ``random``."""

    @field_validator("covariate_calipers")
    @classmethod
    def _not_negative(cls, calipers: dict[str, float]) -> dict[str, float]:
        for name, width in calipers.items():
            if not width >= 0:
                raise ValueError(f"the caliper of {name!r} must not be negative, but is {width}")
        return calipers

    @model_validator(mode="after")
    def _optimal_has_no_order(self) -> Self:
        if self.method == "optimal" and (self.replace or self.order):
            wrong = "replacement" if self.replace else "an order"
            raise ValueError(f"optimal matching has no use for {wrong}: choose the method `nearest` for it")
        return self

    @property
    def focal_order(self) -> str:
        """The order that is used where none is set."""
        if self.replace:
            return "data"
        return self.order or ("largest" if self.estimand == "att" else "smallest")


class SubgroupOptions(Options):
    """Subgroups in which the comparison is repeated, with a test of interaction."""

    factors: tuple[str, ...] = ("sex",)
    """Columns whose levels are subgroups."""
    cuts: dict[str, tuple[float, ...]] = {"age_years": ()}
    """Numeric columns and where to cut them (lower bounds of bands); no cut: at the median of those
    analysed."""


class SensitivityOptions(Options):
    """What is varied to see whether the result hangs on one choice."""

    calipers: tuple[float, ...] = (0.05, 0.1, 0.2)
    """Calipers in standard deviations of the score."""
    ratios: tuple[int, ...] = (2, 3)
    """Numbers of partners."""
    orders: tuple[Literal["largest", "smallest", "data", "random", "closest", "farthest"], ...] = (
        "smallest",
        "data",
        "random",
        "closest",
    )
    """Orders of choice."""


class StudyOptions(Options):
    """One matched group study."""

    name: str = Field(pattern=r"^[A-Za-z0-9_-]+$")
    """Name of the study and of its folder."""
    title: str = ""
    """Title in the report; the name where empty."""
    exposure: GroupOptions
    """The group that is studied (1 in the tables)."""
    reference: GroupOptions
    """The group that it is compared with (0 in the tables)."""
    exclusions: ExclusionOptions = ExclusionOptions()
    """Who is left out."""
    visit: Literal["first", "first_usable", "last", "all"] = "first"
    """Which visit of a participant counts: the first in the index, the first that passed quality control, the
    last; or every one."""
    covariates: tuple[str, ...] = Field(min_length=1)
    """Columns of the participants' table on which the groups are matched."""
    outcomes: tuple[str, ...] = Field(min_length=1)
    """Columns of the measures table that are compared."""
    source: str | None = None
    """Model or observer whose measures are compared; unset: the primary automatic one."""
    frames: str = "own"
    """Whose end-diastolic and end-systolic frames: the source's own, or an observer's."""
    matching: MatchingOptions = MatchingOptions()
    """How the groups are matched."""
    subgroups: SubgroupOptions = SubgroupOptions()
    """Subgroup analyses."""
    sensitivity: SensitivityOptions = SensitivityOptions()
    """Sensitivity analyses."""
    balance_threshold: float = Field(default=0.1, gt=0)
    """Largest absolute standardised mean difference that counts as balanced."""
    alpha: float = Field(default=0.05, gt=0, lt=1)
    """Two-sided level of tests; intervals cover 1 - alpha."""
    power: float = Field(default=0.8, gt=0, lt=1)
    """Power for which the smallest detectable difference is given."""
    expected_sd: dict[str, float] = {}
    """Standard deviations of outcomes known from elsewhere, for power before anything is measured."""
    published: str | None = None
    """Name of a shipped published table to print beside the results, such as ``bai2018_table8``."""
    seed: int = 0
    """Seed of whatever is random."""

    @property
    def seeded_matching(self) -> MatchingOptions:
        """The matching with the study's seed, which is the one that counts."""
        return self.matching.model_copy(update={"seed": self.seed})

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.exposure.label == self.reference.label:
            raise ValueError(f"both groups of study {self.name!r} are called {self.exposure.label!r}")
        unknown = set(self.matching.covariate_calipers) - set(self.covariates)
        if unknown:
            raise ValueError(
                f"calipers of study {self.name!r} name no covariate: {', '.join(sorted(unknown))}"
            )
        return self
