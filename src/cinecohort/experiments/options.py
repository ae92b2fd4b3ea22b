"""Configuration of experiments: datasets, rows (trainings), tables and panels of pictures."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from cinecohort.errors import UserError
from cinecohort.experiments.published import tables_with_dice
from cinecohort.files import read_names
from cinecohort.options import ConfiguredPath, Options, parse_options, read_yaml
from cinecohort.segmentation.training_options import LARGEST_SEED, TrainingOptions

SECTION = "experiments"
"""The key of a configuration file below which experiments stand."""


def _name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z]\w*", value):
        raise ValueError("must start with a letter and hold letters, digits and underscores only")
    return value


Name = Annotated[str, AfterValidator(_name)]


class ExperimentDataset(Options):
    """Labelled subjects to train on, to test on, or both."""

    source: Literal[
        "converted", "ukbiobank", "dicom", "nifti", "acdc", "sunnybrook", "mnms2", "cmr_multi"
    ] = "converted"
    """How the files are laid out; ``converted``: a folder of subject folders as ``cinecohort convert`` or the
    workflow's ``results/subjects`` hold them."""

    path: ConfiguredPath
    """Folder of the data."""

    annotations: ConfiguredPath | None = None
    """Folder of human contours, where they do not lie with the images."""

    observer: str = "manual"
    """Whose labels are learnt from and tested against."""

    subjects: ConfiguredPath | list[str] | None = Field(default=None, exclude_if=lambda names: names is None)
    """Which of its subjects are used: names or a file of names; all where not given."""

    held_out: ConfiguredPath | list[str] | Annotated[int, Field(ge=1)] = []
    """Subjects that are only tested on: names, a file of names, or a number drawn by the seed. Where there
    are none, every subject that a row was not trained on is tested."""

    title: str = ""
    """Name in tables; the dataset's key where not given."""

    def subject_names(self) -> list[str] | None:
        """Subjects that are used; None for all.

        Raises
        ------
        UserError
            If the file that names them is not there, or is not text.
        """
        return None if self.subjects is None else _listed(self.subjects, "subjects")

    def held_out_names(self) -> list[str]:
        """Subjects that are held out by name; none where they are drawn.

        Raises
        ------
        UserError
            If the file that names them is not there, or is not text.
        """
        return [] if isinstance(self.held_out, int) else _listed(self.held_out, "held_out")


def _listed(names: Path | list[str], key: str) -> list[str]:
    if isinstance(names, Path) and not names.is_file():
        raise UserError(f"{names}: there is no such file of subjects; correct `{key}`.")
    return read_names(names) if isinstance(names, Path) else list(names)


RESERVED = {"name", "view", "output", "data", "start_from", "device", "threads"}
"""Settings of a training that a row does not choose for itself."""


LENGTHS = {"iterations", "epochs"}
"""Settings of which one takes the place of the other."""


class RowOptions(Options):
    """One way to train a network: a row of the tables."""

    title: str = ""
    """Name in tables; the row's key where not given."""

    trained_on: list[Name] = []
    """Datasets whose subjects that are not held out are trained on; none where `weights` are given."""

    weights: str = ""
    """Weights that exist already (a shipped name or a file): nothing is trained."""

    start_from: Name | None = None
    """Another row, whose weights are fine-tuned; its settings are taken over too."""

    folds: int | None = Field(default=None, ge=2)
    """Parts of the participants trained on: as many networks are trained, each without one part, and a
    subject is tested with the one that did not see it. As many as participants: each is left out in turn."""

    budget: float | None = Field(default=None, gt=0)
    """Processor minutes instead of the common ones, as for fine-tuning, which is shorter."""

    settings: dict[str, Any] = {}
    """Settings of the training: ``recipe`` and any that change it; see TrainingOptions."""

    @model_validator(mode="after")
    def _is_trained_or_given(self) -> "RowOptions":
        if bool(self.trained_on) == bool(self.weights):
            raise ValueError("needs either `trained_on` or `weights`")
        reserved = sorted(RESERVED & set(self.settings))
        if reserved:
            raise ValueError(
                f"settings: {', '.join(reserved)}: are set by the experiments for every row; remove them "
                "(`start_from` of a row names another row)"
            )
        if self.weights and (self.start_from or self.folds or self.settings or self.budget):
            raise ValueError("`weights` are not trained: no start_from, folds, settings or budget")
        return self


class TableOptions(Options):
    """A table of rows by test datasets."""

    title: str = ""
    """Its title."""

    rows: list[Name] = Field(min_length=1)
    """Rows, in order."""

    datasets: list[Name] = Field(min_length=1)
    """Datasets that they are tested on."""

    published: str | None = None
    """Published table that is printed below, marked as published, such as ``chen2020_table3``."""


class PanelOptions(Options):
    """Pictures of the same slices with the contours of several rows."""

    title: str = ""
    """Its title."""

    rows: list[Name] = Field(min_length=1)
    """Rows, from top to bottom."""

    dataset: Name
    """Whose subjects are shown."""

    subjects: Annotated[int, Field(ge=1)] | Annotated[list[str], Field(min_length=1)] = 4
    """Names, or how many: from the worst to the best of the first row, evenly spread."""


class ExperimentOptions(Options):
    """All experiments of a configuration file."""

    results: ConfiguredPath = Path("results/experiments")
    """Folder of everything that is made."""

    view: Literal["sa", "la_2ch", "la_4ch"] = "sa"
    """View that is segmented."""

    budget: float | None = Field(default=20, gt=0)
    """Processor minutes that each row may train for (minutes on the clock where a GPU trains); null: the
    full length of each recipe."""

    seed: int = Field(default=2018, ge=0, le=LARGEST_SEED)
    """Of splits and trainings."""

    validation: int = Field(default=5, ge=0)
    """Participants set aside of those trained on, whose Dice makes the curves."""

    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Arithmetic of training; auto is bf16 where the processor or GPU has instructions for it, else fp32."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where rows are trained."""

    threads: int = Field(default=1, ge=1)
    """CPU threads of each row."""

    clean_up: bool = True
    """Whether tests clean up segmentations as the workflow does; all rows alike."""

    datasets: dict[Name, ExperimentDataset] = Field(min_length=1)
    """Datasets by name."""

    rows: dict[Name, RowOptions] = Field(min_length=1)
    """Rows by name."""

    tables: dict[Name, TableOptions] = {}
    """Tables by name."""

    panels: dict[Name, PanelOptions] = {}
    """Panels by name."""

    @model_validator(mode="after")
    def _names_are_known(self) -> "ExperimentOptions":
        unknown = [f"rows.{name}: no dataset {item!r}" for name, row in self.rows.items()
                   for item in row.trained_on if item not in self.datasets]  # fmt: skip
        unknown += [f"rows.{name}: no row {row.start_from!r}" for name, row in self.rows.items()
                    if row.start_from not in (None, *self.rows)]  # fmt: skip
        for name, table in self.tables.items():
            unknown += [f"tables.{name}: no row {item!r}" for item in table.rows if item not in self.rows]
            unknown += [f"tables.{name}: no dataset {item!r}" for item in table.datasets
                        if item not in self.datasets]  # fmt: skip
            unknown += self._lines_of_one_name(name, table)
        for name, panel in self.panels.items():
            unknown += [f"panels.{name}: no row {item!r}" for item in panel.rows if item not in self.rows]
            if panel.dataset not in self.datasets:
                unknown.append(f"panels.{name}: no dataset {panel.dataset!r}")
            unknown += _twice(f"panels.{name}.rows", panel.rows)
        if "curves" in self.tables:
            unknown.append("tables.curves: this name is that of the curves of all rows; choose another")
        if unknown:
            raise ValueError("; ".join(unknown))
        return self

    @model_validator(mode="after")
    def _fine_tuning_has_a_beginning(self) -> "ExperimentOptions":
        for name, row in self.rows.items():
            chain = [name]
            while row.start_from is not None:
                if row.start_from in chain:
                    raise ValueError(f"rows.{name}: starts from itself ({' <- '.join(chain)})")
                chain.append(row.start_from)
                row = self.rows[row.start_from]
                if row.folds:
                    raise ValueError(
                        f"rows.{name}: starts from {chain[-1]}, which is several networks (folds)"
                    )
        return self

    @model_validator(mode="after")
    def _settings_are_known(self) -> "ExperimentOptions":
        """Every row's settings: a slip in the last row is reported before the first one is trained."""
        mistakes = []
        for name, row in self.rows.items():
            data = {"folders": ["subjects"]}
            values = {**self.settings_of(name), "name": name, "output": ".", "data": data}
            try:
                if row.trained_on:
                    parse_options(values, TrainingOptions, f"rows.{name}.settings")
            except UserError as error:
                mistakes.append(str(error))
            planned = {"validate_every", "checkpoint_every"} & set(self.settings_of(name))
            if planned and self.budget_of(name) is not None:
                mistakes.append(
                    f"rows.{name}.settings: {', '.join(sorted(planned))}: follow from the budget; remove "
                    "them, or set `budget: null`"
                )
        if mistakes:
            raise ValueError("\n".join(mistakes))
        return self

    @model_validator(mode="after")
    def _published_tables_can_be_printed(self) -> "ExperimentOptions":
        printable = tables_with_dice(self.view)
        wrong = [
            f"tables.{name}: no published table {table.published!r} with Dice of {self.view}; there are "
            f"{', '.join(printable)}"
            for name, table in self.tables.items()
            if table.published is not None and table.published not in printable
        ]
        if wrong:
            raise ValueError("; ".join(wrong))
        return self

    @model_validator(mode="after")
    def _rows_of_a_table_have_one_budget(self) -> "ExperimentOptions":
        for name, table in self.tables.items():
            for kind in (False, True):
                alike = {
                    self.budget_of(item)
                    for item in table.rows
                    if bool(self.rows[item].start_from) is kind and not self.rows[item].weights
                }
                if len(alike) > 1:
                    raise ValueError(
                        f"tables.{name}: its {'fine-tuned' if kind else 'trained'} rows have different "
                        f"budgets ({', '.join(str(item) for item in alike)}); give all of them the same"
                    )
        return self

    def _lines_of_one_name(self, name: str, table: TableOptions) -> list[str]:
        """What of a table could not be distinguished: a row or dataset named twice, or two of one title."""
        titles = {
            "rows": {item: self.title_of(item) for item in table.rows if item in self.rows},
            "datasets": {
                item: self.title_of_dataset(item) for item in table.datasets if item in self.datasets
            },
        }
        mistakes = _twice(f"tables.{name}.rows", table.rows)
        mistakes += _twice(f"tables.{name}.datasets", table.datasets)
        for kind, title_of in titles.items():
            keys: dict[str, list[str]] = {}
            for key, title in title_of.items():
                keys.setdefault(title, []).append(key)
            mistakes += [
                f"tables.{name}: {' and '.join(alike)} of its {kind} have the one title {title!r}; give each "
                "its own"
                for title, alike in keys.items()
                if len(alike) > 1
            ]
        return mistakes

    def budget_of(self, row: str) -> float | None:
        """Processor minutes of a row; None: its recipe's own length."""
        return self.rows[row].budget or self.budget

    def settings_of(self, row: str) -> dict[str, Any]:
        """Settings of a row's training, those of the row that it starts from included."""
        options = self.rows[row]
        if options.start_from is None:
            return dict(options.settings)
        inherited = self.settings_of(options.start_from)
        if LENGTHS & set(options.settings):
            inherited = {key: value for key, value in inherited.items() if key not in LENGTHS}
        return merged(inherited, options.settings)

    def title_of(self, row: str) -> str:
        """Name of a row in tables."""
        return self.rows[row].title or row

    def title_of_dataset(self, name: str) -> str:
        """Name of a dataset in tables."""
        return self.datasets[name].title or name


def _twice(place: str, names: list[str]) -> list[str]:
    twice = sorted({name for name in names if names.count(name) > 1})
    return [f"{place}: {', '.join(twice)}: named twice; name it once"] if twice else []


def merged(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """The second settings over the first, section by section."""
    result = dict(first)
    for key, value in second.items():
        known = result.get(key)
        both = isinstance(known, Mapping) and isinstance(value, Mapping)
        result[key] = merged(known, value) if both else value  # type: ignore[arg-type]
    return result


def parse_experiments(values: Mapping[str, Any], origin: str = "configuration") -> ExperimentOptions:
    """Check the ``experiments`` section of a configuration.

    Raises
    ------
    UserError
        If there is none, or it holds mistakes; all of them are named at once.
    """
    section = values.get(SECTION)
    if not isinstance(section, Mapping):
        raise UserError(f"{origin}: has no section `{SECTION}`; see config/experiments.yaml.")
    return parse_options(section, ExperimentOptions, origin)


def load_experiments(path: Path) -> ExperimentOptions:
    """Read a configuration file of experiments; see :func:`parse_experiments`.

    Raises
    ------
    UserError
        If the file is not there, is not YAML, or holds mistakes.
    """
    return parse_experiments(read_yaml(path), str(path))
