"""The configuration: one model for the whole file, which names every mistake at once with its path."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from cinecohort.calibration.options import QualityOptions
from cinecohort.conversion.options import ConversionOptions
from cinecohort.evaluation.options import EvaluationOptions
from cinecohort.measures.options import MeasureOptions, ReferenceOptions
from cinecohort.model_sets import PRIMARY, model_sets
from cinecohort.options import ConfiguredPath, Options, load_options, parse_options
from cinecohort.quality.options import (
    ImageQualityOptions,
    MeasureQualityOptions,
    SegmentationQualityOptions,
)
from cinecohort.reporting.options import ReportOptions
from cinecohort.review.options import ReviewOptions
from cinecohort.segmentation.options import ModelOptions, SegmentationOptions
from cinecohort.segmentation.presets import with_preset
from cinecohort.sources.column_options import ColumnOptions
from cinecohort.sources.options import CmrMultiOptions, ImagesOptions, NiftiOptions
from cinecohort.sources.table_options import TablesOptions
from cinecohort.statistics.options import AgreementOptions
from cinecohort.statistics.study_options import StudyOptions

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def _name(value: str) -> str:
    if not NAME.fullmatch(value):
        raise ValueError("must start with a letter and hold letters, digits and underscores only")
    return value


Name = Annotated[str, AfterValidator(_name)]


def _as_table(value: Any) -> Any:
    return {"table": value} if isinstance(value, (str, Path)) else value


ReferenceRanges = Annotated[
    ReferenceOptions, BeforeValidator(_as_table, json_schema_input_type=str | ReferenceOptions)
]
"""Settings of the reference ranges, or the name of a table alone."""


class DatasetOptions(Options):
    """Where one dataset's raw data lie and how to read them."""

    source: str
    """How the files are laid out."""
    path: ConfiguredPath
    """Folder of the raw data, relative to where Snakemake is started; `~` and `$VARIABLES` are filled in."""
    annotations: ConfiguredPath | None = None
    """Folder of human contours (cvi42 workspaces), where they do not lie with the images."""
    participants: ConfiguredPath | None = None
    """Table of participants (TSV or CSV); sources that know their participants need none."""
    columns: dict[str, str | list[str] | ColumnOptions] = {}
    """Our participant column to theirs (`*` is any text, `{visit}` the subject's visit), or to several: the
    mean of numbers (repeated readings), other texts joined; or to settings of the column. No further column
    of the table is read."""
    withdrawals: ConfiguredPath | None = None
    """Ids of participants who withdrew, one per line: they leave the index, the tables and the store."""
    subject_names: Literal["hashed", "folder"] | None = None
    """What folders of `dicom` and `nifti` are called in tables and reports: a keyed hash of their name, or
    their name. Unset: their name, unless it is a patient's, which stops the run."""
    key_table: ConfiguredPath | None = None
    """Where hashed names are kept with the folders' own and the secret of the hashes: a file outside the
    results, which is as confidential as the raw data."""
    settings: Options
    """Further settings of this source."""

    @model_validator(mode="after")
    def _hashed_names_have_a_table(self) -> "DatasetOptions":
        if (self.subject_names == "hashed") != (self.key_table is not None):
            raise ValueError("`subject_names: hashed` and `key_table` are set together")
        if self.subject_names is not None and self.source not in ("dicom", "nifti"):
            raise ValueError("`subject_names` is for the sources dicom and nifti; others have ids")
        return self


class ImagesDataset(DatasetOptions):
    """Images, in a layout that needs no further settings than whose annotations are used."""

    source: Literal["ukbiobank", "dicom", "acdc", "sunnybrook", "mnms2"]
    """How the files are laid out."""
    settings: ImagesOptions = ImagesOptions()
    """Further settings of this source."""


class NiftiDataset(DatasetOptions):
    """Images as NIfTI files."""

    source: Literal["nifti"]
    """How the files are laid out."""
    settings: NiftiOptions = NiftiOptions()
    """Further settings of this source."""


class CmrMultiDataset(DatasetOptions):
    """The cine images of CMR-MULTI."""

    source: Literal["cmr_multi"]
    """How the files are laid out."""
    settings: CmrMultiOptions = CmrMultiOptions()
    """Further settings of this source."""


class TablesDataset(DatasetOptions):
    """Measures that were made elsewhere."""

    source: Literal["tables"]
    """How the files are laid out."""
    settings: TablesOptions
    """The tables of measures."""


Dataset = Annotated[
    ImagesDataset | NiftiDataset | CmrMultiDataset | TablesDataset, Field(discriminator="source")
]
"""A dataset, whose settings are those of its `source`."""


class Config(Options):
    """The whole configuration of a run."""

    title: str = "Cardiac MR phenotyping"
    """Title of the report."""
    synthetic: bool = False
    """Whether the data are made up; the report then says SYNTHETIC DATA on every page."""
    results: ConfiguredPath = Path("results")
    """Folder of everything that the workflow makes."""
    shard_size: int = Field(default=100, ge=1)
    """Subjects per job; used when the results folder is new (see config/README.md on sizing)."""
    seed: int = 1
    """Seed of everything random."""
    datasets: dict[Name, Dataset] = Field(min_length=1)
    """The datasets, by name. With more than one, subject keys are `{dataset}-{id}`."""
    models: dict[Literal["sa", "la_2ch", "la_4ch"], list[ModelOptions]] = {}
    """Networks by view, the primary one first; of the views that are not named, those of
    `segmentation.preset`. A row of measures takes several views: models of one name stand together in the
    tables, and first models of different names are called `automatic` together."""
    unvalidated: Literal["exclude", "include"] = "exclude"
    """Measures by networks never tested on labelled real hearts (their model card says so): kept out
    of agreement and studies, or taken into them. They are in `cohort/measures.tsv`, marked, in any case."""
    conversion: ConversionOptions = ConversionOptions()
    """From raw files to images."""
    image_quality: ImageQualityOptions = ImageQualityOptions()
    """Checks of the images."""
    segmentation: SegmentationOptions = SegmentationOptions()
    """How the networks are run."""
    segmentation_quality: SegmentationQualityOptions = SegmentationQualityOptions()
    """Checks of the label maps."""
    quality: QualityOptions = QualityOptions()
    """Who is flagged: each check by itself, or a calibration."""
    measures: MeasureOptions = MeasureOptions()
    """Clinical measures."""
    reference_ranges: ReferenceRanges = ReferenceOptions()
    """Ranges of healthy people, for z-scores: your table, and how the measures were contoured."""
    measure_quality: MeasureQualityOptions = MeasureQualityOptions()
    """Plausibility of measures: flags for review, never excludes."""
    evaluation: EvaluationOptions = EvaluationOptions()
    """Overlap and distances."""
    agreement: AgreementOptions = AgreementOptions()
    """Agreement of methods and observers."""
    studies: dict[Name, StudyOptions] = {}
    """Group studies, by name."""
    report: ReportOptions = ReportOptions()
    """The report."""
    review: ReviewOptions = ReviewOptions()
    """The review room, where people look at segmentations."""

    @model_validator(mode="before")
    @classmethod
    def _presets_stand_for_models(cls, values: Any) -> Any:
        return with_preset(values) if isinstance(values, Mapping) else values

    @field_validator("studies", mode="before")
    @classmethod
    def _studies_have_their_key_as_name(cls, studies: Any) -> Any:
        if not isinstance(studies, Mapping):
            return studies
        return {
            key: {"name": key, **study} if isinstance(study, Mapping) else study
            for key, study in studies.items()
        }

    @property
    def from_tables(self) -> bool:
        """Whether the measures come from tables made elsewhere, so that there are no images."""
        return all(options.source == "tables" for options in self.datasets.values())

    @model_validator(mode="after")
    def _key_tables_lie_outside(self) -> "Config":
        for name, options in self.datasets.items():
            table = options.key_table
            if table is not None and table.resolve().is_relative_to(self.results.resolve()):
                raise ValueError(f"datasets.{name}.key_table: must lie outside the results, which are shared")
        return self

    @model_validator(mode="after")
    def _tables_stand_alone(self) -> "Config":
        sources = [options.source for options in self.datasets.values()]
        if "tables" in sources and not self.from_tables:
            raise ValueError("datasets of measures (`source: tables`) and of images need a run each")
        return self

    @model_validator(mode="after")
    def _model_names_are_unique(self) -> "Config":
        for view, models in self.models.items():
            names = [model.name for model in models]
            if len(set(names)) < len(names):
                raise ValueError(f"models.{view}: every model needs a name of its own, found {names}")
        sets = model_sets({view: [model.name for model in models] for view, models in self.models.items()})
        if len({each.name for each in sets}) < len(sets):
            raise ValueError(
                f"models: the first models of the views have different names, so that they are called "
                f"{PRIMARY!r} together; no other model may have that name"
            )
        return self


def load_config(path: Path) -> Config:
    """Read a configuration file; see :func:`cinecohort.options.load_options`."""
    return load_options(path, Config)


def parse_config(values: Mapping[str, Any], origin: str = "configuration") -> Config:
    """Check configuration values; see :func:`cinecohort.options.load_options`."""
    return parse_options(values, Config, origin)
