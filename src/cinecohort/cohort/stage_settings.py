"""What of the configuration each stage uses, as models: they go through Snakemake as JSON."""

import json
from pathlib import Path
from typing import Literal, Self

from cinecohort.config import Config, Dataset
from cinecohort.conversion.options import ConversionOptions
from cinecohort.evaluation.options import EvaluationOptions
from cinecohort.measures.options import MeasureOptions
from cinecohort.measures.reference_ranges import Reference
from cinecohort.options import Options
from cinecohort.quality.options import (
    ImageQualityOptions,
    MeasureQualityOptions,
    SegmentationQualityOptions,
)
from cinecohort.review.corrections import Correction
from cinecohort.review.options import BlindedOptions, ReviewOptions
from cinecohort.review.verdicts import Rejection
from cinecohort.segmentation.options import ModelOptions, SegmentationOptions
from cinecohort.statistics.options import AgreementOptions
from cinecohort.statistics.study_options import StudyOptions

ModelNames = dict[str, list[str]]
"""Names of the models by view, the primary one first."""


class StageSettings(Options):
    """Settings of a stage, with the version of its algorithm."""

    version: int
    """See :data:`cinecohort.cohort.versions.VERSIONS`."""

    def text(self) -> str:
        """As canonical JSON: the parameter of the stage's rule."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True)

    @classmethod
    def read(cls, text: str) -> Self:
        """Read what :meth:`text` wrote."""
        return cls.model_validate_json(text)


class ConvertSettings(StageSettings):
    """Settings of the conversion; those of a dataset that say nothing about its images are left out."""

    datasets: dict[str, Dataset]
    conversion: ConversionOptions


class ImageQualitySettings(StageSettings):
    """Settings of the checks of images."""

    image_quality: ImageQualityOptions


class SegmentSettings(StageSettings):
    """Settings of the segmentation."""

    models: dict[str, list[ModelOptions]]
    segmentation: SegmentationOptions
    weights: dict[str, str]
    """Digest of the weights of each model, by view and name."""


class SegmentationQualitySettings(StageSettings):
    """Settings of the checks of label maps."""

    models: ModelNames
    segmentation_quality: SegmentationQualityOptions
    corrections: list[Correction]
    """Corrected label maps of the shard's subjects."""


class MeasureSettings(StageSettings):
    """Settings of the measures."""

    models: ModelNames
    measures: MeasureOptions
    measure_quality: MeasureQualityOptions
    rejected: list[Rejection]
    """What reviewers reject of the shard's subjects."""


class EvaluateSettings(StageSettings):
    """Settings of the comparison of models with observers."""

    models: ModelNames
    evaluation: EvaluationOptions


class CalibrationFile(Options):
    """A calibration that is read when the cohort's tables are made."""

    path: Path
    """Where it is."""
    digest: str
    """Of its content."""


class GatherSettings(StageSettings):
    """Settings of the gathering."""

    datasets: dict[str, Dataset]
    measures: MeasureOptions
    image_quality: ImageQualityOptions
    measure_quality: MeasureQualityOptions
    trained_on: dict[str, dict[str, dict[str, list[str]]]]
    """Set of models to view to source to the subjects that the training saw."""
    verdicts: list[Path]
    """Files of verdicts."""
    reference: Reference
    """Ranges of healthy people."""
    calibration: CalibrationFile | None = None
    """The calibration; None: every check flags by itself."""


class ImportSettings(StageSettings):
    """Settings of the import of tables."""

    datasets: dict[str, Dataset]
    reference: Reference
    """Ranges of healthy people."""


class AgreementSettings(StageSettings):
    """Settings of the agreement."""

    models: ModelNames
    agreement: AgreementOptions
    unvalidated: Literal["exclude", "include"]
    seed: int


class GroupStudySettings(StageSettings):
    """Settings of group studies; a job has one."""

    models: ModelNames
    studies: dict[str, StudyOptions]
    unvalidated: Literal["exclude", "include"]
    seed: int


class ReviewSettings(StageSettings):
    """Settings of the review room."""

    title: str
    synthetic: bool
    review: ReviewOptions


class BlindedSettings(StageSettings):
    """Settings of the blinded assessment."""

    models: ModelNames
    title: str
    synthetic: bool
    seed: int
    blinded: BlindedOptions | None


class PagesSettings(StageSettings):
    """Settings of the pages of subjects."""

    synthetic: bool
    subjects: Literal["flagged", "all", "none"]


class WholeSettings(StageSettings):
    """The whole configuration, for the record of a run and the report."""

    config: Config


SETTINGS: dict[str, type[StageSettings]] = {
    "convert": ConvertSettings,
    "image_quality": ImageQualitySettings,
    "segment": SegmentSettings,
    "segmentation_quality": SegmentationQualitySettings,
    "measure": MeasureSettings,
    "evaluate": EvaluateSettings,
    "gather": GatherSettings,
    "import_tables": ImportSettings,
    "run_record": WholeSettings,
    "agreement": AgreementSettings,
    "group_study": GroupStudySettings,
    "report": WholeSettings,
    "review": ReviewSettings,
    "blinded": BlindedSettings,
    "subject_pages": PagesSettings,
}
"""Model of each stage's settings."""
