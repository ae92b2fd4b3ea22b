"""Reference ranges of healthy people by sex and age, and z-scores inside them.

The shipped ranges are those whose numbers were read in their source: the abstract of Petersen et al., J
Cardiovasc Magn Reson 2017;19:18 (804 healthy Caucasian participants of UK Biobank, 45 to 74 years, manual
contours on SSFP images at 1.5 T). That papillary muscles count as cavity there is from Kawel-Boehm et al., J
Cardiovasc Magn Reson 2020;22:87, Table 1. A z-score is given inside the range's sex, age and convention only.
"""

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from cinecohort.catalogue.measures import ANALYSED, INDEXED
from cinecohort.errors import UserError
from cinecohort.ledger.columns import COHORT
from cinecohort.measures.options import ReferenceOptions
from cinecohort.options import Options

if TYPE_CHECKING:
    import pandas as pd

SHIPPED = Path(__file__).with_suffix(".csv")
COLUMNS = ("measure", "sex", "age_from", "age_to", "mean", "sd", "source")
TEXTS = ("measure", "sex", "source", "papillary_muscles")
Z, MISSING = "_z", "z_missing"
"""Ending of the columns of z-scores, and the column that says why some are not given."""
MEASURES = (*ANALYSED, *(f"{name}_i" for name in INDEXED))
CONVENTIONS = ("cavity", "myocardium")
LIMITS_SD = 1.959964
"""95 % of a normal distribution lie within so many SDs of the mean."""

NO_SEX, NO_AGE, OUTSIDE = "sex not known", "age not known", "no range for this sex and age"
OTHER_CONVENTION = "papillary muscles count otherwise in the range"
UNKNOWN_CONVENTION = "not known what papillary muscles count as"


class ReferenceRange(Options):
    """Mean and SD of a measure in healthy people of one sex and age; both ages are within it."""

    measure: str
    sex: Literal["F", "M"]
    age_from: int
    age_to: int
    mean: float
    sd: float
    source: str
    papillary_muscles: Literal["cavity", "myocardium", ""] = ""

    @property
    def low(self) -> float:
        """Lower end of the range that 95 % of the healthy lie in."""
        return self.mean - LIMITS_SD * self.sd

    @property
    def high(self) -> float:
        """Upper end of the range that 95 % of the healthy lie in."""
        return self.mean + LIMITS_SD * self.sd

    def z(self, value: float) -> float:
        """SDs that a value lies above the mean.

        Examples
        --------
        >>> ages = {"age_from": 45, "age_to": 74}
        >>> ReferenceRange(measure="lvef_pct", sex="F", mean=61, sd=5, source="", **ages).z(51)
        -2.0
        """
        return (value - self.mean) / self.sd

    def holds(self, sex: str, age_years: float) -> bool:
        """Whether it is of this sex and of this age in completed years."""
        return sex == self.sex and self.age_from <= math.floor(age_years) <= self.age_to


class Comparison(NamedTuple):
    """A value, or its index per body surface, against the range that holds for the person."""

    range: ReferenceRange
    z: float

    def words(self, digits: int) -> str:
        """The range as text, of a measure that is printed with so many digits (``28 to 56 per m²``)."""
        digits = max(digits - 1, 0)
        per_surface = " per m²" if self.range.measure.endswith("_i") else ""
        return f"{self.range.low:.{digits}f} to {self.range.high:.{digits}f}{per_surface}"

    @property
    def side(self) -> str:
        """Whether the value lies below (``low``) or above (``high``) the range; empty inside."""
        return "" if abs(self.z) <= LIMITS_SD else "low" if self.z < 0 else "high"


class Reference(Options):
    """The ranges in use, and what papillary muscles count as in the measures that are held against them."""

    ranges: list[ReferenceRange]
    papillary_muscles: Literal["cavity", "myocardium", "unknown"]

    @property
    def measures(self) -> tuple[str, ...]:
        """Columns of measures that have ranges."""
        return tuple(dict.fromkeys(each.measure for each in self.ranges))

    def of(self, measure: str) -> list[ReferenceRange]:
        """Ranges of a measure in the convention of the measures."""
        fits = ("", self.papillary_muscles)
        return [each for each in self.ranges if each.measure == measure and each.papillary_muscles in fits]

    def find(self, measure: str, sex: object, age_years: object) -> ReferenceRange | None:
        """The range that holds for a person; None where there is none (see :meth:`reason`)."""
        if not isinstance(sex, str) or not _is_number(age_years):
            return None
        age = float(age_years)  # type: ignore[arg-type]
        return next((each for each in self.of(measure) if each.holds(sex, age)), None)

    def compare(
        self, measure: str, values: Mapping[str, Any], person: Mapping[str, Any]
    ) -> Comparison | None:
        """Hold a measure, or else its index, against the range of a person; None where there is none.

        Parameters
        ----------
        measure
            Its column.
        values
            Column to number, also of indexed measures.
        person
            ``sex`` (F or M) and ``age_years``, as far as known.
        """
        for column in (measure, f"{measure}_i"):
            value = values.get(column)
            if _is_number(value):
                found = self.find(column, person.get("sex"), person.get("age_years"))
                if found:
                    return Comparison(found, found.z(float(value)))  # type: ignore[arg-type]
        return None

    def reason(self, measure: str, sex: object, age_years: object) -> str:
        """Why no range of a measure that has some holds for a person; empty where one does."""
        if not self.of(measure):
            return UNKNOWN_CONVENTION if self.papillary_muscles == "unknown" else OTHER_CONVENTION
        if sex not in ("F", "M"):
            return NO_SEX
        if not _is_number(age_years):
            return NO_AGE
        return "" if self.find(measure, sex, age_years) else OUTSIDE


NO_REFERENCE = Reference(ranges=[], papillary_muscles="unknown")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def reference_of(options: ReferenceOptions, from_tables: bool) -> Reference:
    """Make the reference of a configuration.

    Parameters
    ----------
    options
        The section `reference_ranges`.
    from_tables
        Whether the measures come from tables made elsewhere.

    Raises
    ------
    UserError
        If the user's table cannot be used.
    """
    own = read_ranges(options.table)[0] if options.table else []
    named = {each.measure for each in own}
    shipped = [each for each in read_ranges(SHIPPED)[0] if each.measure not in named]
    convention = options.papillary_muscles or ("unknown" if from_tables else "cavity")
    return Reference(ranges=[*own, *shipped], papillary_muscles=convention)


def read_ranges(path: Path) -> tuple[list[ReferenceRange], list[str]]:
    """Read a table of ranges, and notes on it.

    Raises
    ------
    UserError
        If a column is missing, or rows are wrong or contradict each other; every mistake is named.
    """
    from cinecohort.ledger.tables import read_users_table
    from cinecohort.ledger.users_tables import text_format

    if not path.is_file():
        raise UserError(f"{path}: there is no such file.")
    lacking = [name for name in COLUMNS if name not in text_format(path).header]
    if lacking:
        raise UserError(
            f"{path}: has no column {', '.join(lacking)}; a table of reference ranges needs "
            f"{', '.join(COLUMNS)}."
        )
    table, notes = read_users_table(path, TEXTS, may_be_empty=False)
    ranges, mistakes = [], list[str]()
    for number, row in enumerate(table.to_dict("records"), 2):
        wrong = mistake_of({str(name): value for name, value in row.items()})
        if wrong:
            mistakes.append(f"{path}: line {number}: {wrong}")
        else:
            ranges.append(_range_of(row))
    mistakes += [f"{path}: {sentence}" for sentence in overlaps(ranges)]
    if mistakes:
        raise UserError("\n".join(mistakes))
    if "papillary_muscles" not in table:
        notes.append(
            f"{path}: has no column papillary_muscles; its ranges are taken to be contoured as the measures "
            "are."
        )
    return ranges, notes


def _text(row: Mapping[Any, Any], name: str) -> str:
    value = row.get(name)
    return value.strip() if isinstance(value, str) else ""


def _range_of(row: Mapping[Any, Any]) -> ReferenceRange:
    texts = {name: _text(row, name) for name in TEXTS}
    return ReferenceRange.model_validate({**{name: row[name] for name in COLUMNS}, **texts})


def mistake_of(row: Mapping[str, Any]) -> str:
    """Say what is wrong with a row of a table of ranges; empty where nothing is."""
    measure, sex, convention = (_text(row, name) for name in ("measure", "sex", "papillary_muscles"))
    if measure not in MEASURES:
        return f"there is no measure {measure!r}; docs/measures.md lists them (indexed ones end in _i)."
    if sex not in ("F", "M"):
        return f"sex is {sex!r}; write F or M, one line for each."
    numbers: dict[str, Any] = {name: row.get(name) for name in ("age_from", "age_to", "mean", "sd")}
    for name, value in numbers.items():
        if not _is_number(value):
            return f"{name} is {value!r}, which is no number."
    if any(float(numbers[name]) % 1 for name in ("age_from", "age_to")):
        return "ages are completed years: write whole numbers (45 to 74 takes in everybody not yet 75)."
    if not 0 <= numbers["age_from"] <= numbers["age_to"] <= 130:
        return f"ages from {numbers['age_from']:g} to {numbers['age_to']:g} are no range of ages."
    if numbers["sd"] <= 0:
        return f"sd is {numbers['sd']:g}; it must be above 0."
    if convention not in ("", *CONVENTIONS):
        return f"papillary_muscles is {convention!r}; write cavity or myocardium, or leave it empty."
    return "" if _text(row, "source") else "source is empty; say where the numbers were read."


def overlaps(ranges: Sequence[ReferenceRange]) -> list[str]:
    """Sentences on pairs of ranges that both hold for somebody."""
    found = []
    for index, first in enumerate(ranges):
        for second in ranges[:index]:
            same = (first.measure, first.sex) == (second.measure, second.sex)
            conventions = {first.papillary_muscles, second.papillary_muscles}
            ages = first.age_from <= second.age_to and second.age_from <= first.age_to
            if same and ages and (len(conventions) == 1 or "" in conventions):
                found.append(
                    f"two ranges of {first.measure} ({first.sex}) hold for the same ages, "
                    f"{second.age_from} to {second.age_to} and {first.age_from} to {first.age_to}; "
                    "keep one for each age."
                )
    return found


def ranges_table(reference: Reference) -> "pd.DataFrame":
    """Ranges that measures were held against, as ``cohort/reference_ranges.tsv``."""
    import pandas as pd

    rows = [each.model_dump() for measure in reference.measures for each in reference.of(measure)]
    return pd.DataFrame(rows, columns=list(COHORT["reference_ranges"].columns))


def reference_used(cohort: Path) -> Reference:
    """Ranges that the measures of a results folder were held against; none where it has no such table.

    Parameters
    ----------
    cohort
        Folder of the cohort's tables.
    """
    path = cohort / "reference_ranges.tsv"
    if not path.is_file():
        return NO_REFERENCE
    with path.open(encoding="utf-8", newline="") as stream:
        ranges = [ReferenceRange.model_validate(row) for row in csv.DictReader(stream, delimiter="\t")]
    convention = next((each.papillary_muscles for each in ranges if each.papillary_muscles), "unknown")
    return Reference.model_validate({"ranges": ranges, "papillary_muscles": convention})


def add_z_scores(
    measures: "pd.DataFrame", participants: "pd.DataFrame", reference: Reference
) -> "pd.DataFrame":
    """Table of measures with a column of z-scores for each that has ranges, and why some are not given.

    Parameters
    ----------
    measures
        Table with ``subject`` and measures, also indexed ones.
    participants
        Table with ``subject`` and, where known, ``sex`` (F or M) and ``age_years``, the age at imaging.
    reference
        The ranges.

    Returns
    -------
    pandas.DataFrame
        With columns such as ``lvef_pct_z``, empty outside the ranges, and ``z_missing``: for every measure
        that has a value and ranges but no z-score, the reason (``lvef_pct: age not known``; parts are divided
        by semicolons).
    """
    import pandas as pd

    held = [name for name in reference.measures if name in measures]
    if not held:
        return measures
    known = participants.drop_duplicates("subject").reindex(columns=["subject", "sex", "age_years"])
    people = measures[["subject"]].merge(known, on="subject", how="left", validate="many_to_one")
    years = pd.to_numeric(people["age_years"], errors="coerce").astype(float) // 1
    kinds = list(zip(people["sex"].astype(object), years, strict=True))
    table = measures.copy()
    reasons: list[list[str]] = [[] for _ in kinds]
    for name in held:
        values = pd.to_numeric(measures[name], errors="coerce").astype(float).to_numpy()
        look: dict[object, tuple[ReferenceRange | None, str]] = {}
        scores = []
        for row, (kind, value) in enumerate(zip(kinds, values, strict=True)):
            if kind not in look:
                look[kind] = reference.find(name, *kind), f"{name}: {reference.reason(name, *kind)}"
            found, why = look[kind]
            scores.append(found.z(float(value)) if found else float("nan"))
            if not found and not math.isnan(value):
                reasons[row].append(why)
        table[f"{name}{Z}"] = scores
    return table.assign(**{MISSING: ["; ".join(each) for each in reasons]})


def reasons_counted(texts: Iterable[Any]) -> dict[tuple[str, str], int]:
    """How often each measure lacks its z-score for which reason, from a column ``z_missing``."""
    counted: dict[tuple[str, str], int] = {}
    for text in texts:
        for part in text.split("; ") if isinstance(text, str) and text else ():
            measure, reason = part.split(": ", 1)
            counted[measure, reason] = counted.get((measure, reason), 0) + 1
    return counted
