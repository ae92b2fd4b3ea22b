"""Whether studies and agreement ask for what there is: columns, conditions, measures, sources."""

import ast
import difflib
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import pandas as pd

from cinecohort.catalogue.covariates import BY_COLUMN as COVARIATES
from cinecohort.catalogue.measures import BY_COLUMN as MEASURES
from cinecohort.catalogue.measures import PRINTED
from cinecohort.cohort.participant_tables import COLUMNS
from cinecohort.cohort.problems import Problem, sentences
from cinecohort.config import Config
from cinecohort.errors import UserError
from cinecohort.measures.columns import COLUMNS as MEASURED
from cinecohort.statistics.condition_syntax import condition_columns, parse_condition
from cinecohort.statistics.conditions import meets
from cinecohort.statistics.propensity import check_factor
from cinecohort.statistics.published_tables import names as published_tables
from cinecohort.statistics.study_cohort import diagnosed
from cinecohort.statistics.study_options import StudyOptions

FROM_IMAGES = ("vendor", "scanner", "field_t")
"""Columns that the images fill in where the table of participants has none."""
ALWAYS = ("subject", "dataset", "participant", "visit", "status", "code", "implausible")


@dataclass(frozen=True)
class Known:
    """What is there before a run.

    Parameters
    ----------
    people
        The participants, one row per subject; None where they cannot be read.
    measures
        Measures made elsewhere; None where images are still to be measured.
    sources
        Names of models and observers.
    doubted
        Columns of participants that hold a mistake, so that their values say nothing.
    """

    people: pd.DataFrame | None
    measures: pd.DataFrame | None
    sources: Collection[str]
    doubted: Collection[str] = ()

    def measure_names(self) -> set[str]:
        """Columns that may be compared."""
        if self.measures is not None:
            return {str(name) for name in self.measures.columns}
        return {*MEASURED, *MEASURES, *(f"{name}_i" for name in PRINTED)}


def check_studies(config: Config, known: Known) -> list[Problem]:
    """Check the group studies and the agreement against what is there."""
    problems = []
    for key in ("measures", "equivalence_margins"):
        place = f"agreement.{key}"
        problems += list(_absent(place, getattr(config.agreement, key), known.measure_names(), "measure"))
    for name, study in config.studies.items():
        problems += list(_Study(f"studies.{name}", study, config, known).problems())
    return problems


def _absent(place: str, names: Collection[str], there: Collection[str], what: str) -> Iterator[Problem]:
    for name in names:
        if name not in there:
            near = difflib.get_close_matches(name, sorted(there), n=1)
            hint = f"; did you mean `{near[0]}`?" if near else f"; there is {', '.join(sorted(there)[:20])}."
            yield Problem(place, f"there is no {what} `{name}`{hint}")


@dataclass(frozen=True)
class _Study:
    place: str
    study: StudyOptions
    config: Config
    known: Known

    def problems(self) -> Iterator[Problem]:
        """Everything about one study."""
        yield from _absent(
            f"{self.place}.outcomes", self.study.outcomes, self.known.measure_names(), "measure"
        )
        yield from _absent(
            f"{self.place}.expected_sd", self.study.expected_sd, self.study.outcomes, "outcome"
        )
        if self.study.published is not None:
            yield from _absent(f"{self.place}.published", [self.study.published], published_tables(), "table")
        yield from self._source()
        columns = self._columns()
        used = {
            "covariates": self.study.covariates,
            "matching.exact": self.study.matching.exact,
            "subgroups.factors": set(self.study.subgroups.factors) - set(COVARIATES),
            "subgroups.cuts": set(self.study.subgroups.cuts) - set(COVARIATES),
        }
        for key, names in used.items():
            there = [*columns, *self.study.outcomes]
            yield from _absent(f"{self.place}.{key}", names, there, "column")
        for name in dict.fromkeys((*self.study.covariates, *self.study.matching.exact)):
            yield from self._filled(name)
        for key, condition in self._conditions().items():
            missing = list(_absent(key, condition_columns(condition), columns, "column"))
            yield from missing or self._condition(key, condition)
        yield from self._diagnoses()

    def _columns(self) -> list[str]:
        people = self.known.people
        own = [name for options in self.config.datasets.values() for name in options.columns]
        read = [] if people is None else [str(name) for name in people.columns]
        return list(dict.fromkeys((*COLUMNS, *own, *read, *ALWAYS)))

    def _conditions(self) -> dict[str, str]:
        further = enumerate(self.study.exclusions.conditions)
        return {
            f"{self.place}.exposure.condition": self.study.exposure.condition,
            f"{self.place}.reference.condition": self.study.reference.condition,
            **{f"{self.place}.exclusions.conditions.{number}": text for number, text in further},
        }

    def _source(self) -> Iterator[Problem]:
        source = self.study.source
        if source is not None and source not in self.known.sources:
            there = ", ".join(sorted(self.known.sources))
            sentence = f"there is no model or observer `{source}`; there is {there}."
            # Label maps may be of observers whose names are not known before they are read.
            yield Problem(f"{self.place}.source", sentence, stops=self.known.measures is not None)
        automatic = self.known.measures is None or (self.known.measures["kind"] == "auto").any()
        if source is None and not (automatic and (self.config.models or self.config.from_tables)):
            yield Problem(f"{self.place}.source", "no model is configured; set `source` to an observer.")

    def _filled(self, name: str) -> Iterator[Problem]:
        """A covariate that nobody has leaves nobody in the study."""
        people = self.known.people
        unknown = (*FROM_IMAGES, *self.study.outcomes, *self.known.doubted)
        if people is None or people.empty or name in unknown:
            return
        place = f"{self.place}.covariates"
        if name in self._columns() and (name not in people or people[name].isna().all()):
            yield Problem(
                place, f"`{name}` is empty for all {len(people):,} participants: nobody would be left."
            )
        elif name in people:
            yield from sentences(place, lambda: check_factor(people[name].dropna(), name))

    def _condition(self, place: str, condition: str) -> Iterator[Problem]:
        people = self.known.people
        unknown = {*FROM_IMAGES, "status", "code", *self.known.doubted}
        if people is None or people.empty or set(condition_columns(condition)) & unknown:
            return
        absent = [name for name in condition_columns(condition) if name not in people]
        table = people.assign(**dict.fromkeys(absent))
        try:
            met = meets(table, condition)
        except UserError as error:
            yield Problem(place, str(error))
            return
        if met.fillna(False).any():
            return
        texts = any(
            isinstance(n, ast.Constant) and isinstance(n.value, str)
            for n in ast.walk(parse_condition(condition))
        )
        group = not place.split(".")[-2].startswith("conditions")
        values = {
            str(value) for name in condition_columns(condition) for value in table[name].dropna().unique()[:6]
        }
        held = f"; it holds {', '.join(sorted(values)) or 'nothing'}" if texts or not values else ""
        sentence = f"none of {len(people):,} participants meets `{condition}`{held}."
        yield Problem(place, sentence, stops=group and (texts or not values))

    def _diagnoses(self) -> Iterator[Problem]:
        """Exclusions that cannot be made, or leave nobody out."""
        people, exclusions = self.known.people, self.study.exclusions
        if people is None or people.empty:
            return
        for key, wanted in (
            ("icd10", bool(exclusions.icd10)),
            ("self_reported_mi", exclusions.self_reported_mi),
        ):
            if wanted and key not in people:
                yield Problem(
                    f"{self.place}.exclusions.{key}",
                    f"the participants have no column `{key}`, so that nobody can be left out; map it "
                    "under `columns`.",
                )
        if exclusions.self_reported_mi and "self_reported_mi" in people:
            empty = people["self_reported_mi"].isna().all()
            odd = (
                "implausible" in people
                and people["implausible"].astype("string").str.contains("self_rep").any()
            )
            if empty and odd:
                sentence = "no answer is understood; write yes and no, or give their meaning with `codes`."
                yield Problem(f"{self.place}.exclusions.self_reported_mi", sentence)
        if not exclusions.icd10 or "icd10" not in people:
            return
        if exclusions.before_scan_only:
            yield from self._dates(people)
        for code in exclusions.icd10:
            if not diagnosed(people, [code], False)[0].any():
                sentence = f"no participant has a diagnosis in {code}."
                yield Problem(f"{self.place}.exclusions.icd10", sentence, stops=False)

    def _dates(self, people: pd.DataFrame) -> Iterator[Problem]:
        place = f"{self.place}.exclusions.before_scan_only"
        signed = people["icd10"].astype("string").str.contains(r"[:@][+-]\d", regex=True, na=False).any()
        if "scan_date" not in people and not signed:
            yield Problem(place, "needs the dates of the scans: map a column to `scan_date` under `columns`.")
        elif "scan_date" in people:
            given = people["scan_date"].dropna().astype(str)
            wrong = given[pd.to_datetime(given, format="ISO8601", errors="coerce").isna()]
            if len(wrong):
                yield Problem(place, f"`scan_date` holds {wrong.iloc[0]!r}; write dates as 2016-05-31.")
