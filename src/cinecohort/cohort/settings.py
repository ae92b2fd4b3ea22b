"""What of the configuration each stage uses: the parameter of its rule, and nothing else of the file.

Snakemake reruns a stage when, and only when, this text changes. It holds the version of the stage's
algorithm, which is raised by hand when the stage's code changes what comes out: comments, renames and
speed-ups leave it alone, so that a touched file or a fresh clone reruns nothing.
"""

from collections.abc import Callable, Sequence
from typing import Any

from cinecohort.calibration.options import calibration_path
from cinecohort.cohort.stage_settings import SETTINGS, ConvertSettings, SegmentSettings
from cinecohort.cohort.versions import VERSIONS
from cinecohort.config import Config
from cinecohort.errors import UserError
from cinecohort.files import digest_file
from cinecohort.ledger.columns import COHORT
from cinecohort.measures.reference_ranges import reference_of
from cinecohort.model_sets import model_sets
from cinecohort.review.corrections import Correction
from cinecohort.review.verdicts import Rejection
from cinecohort.segmentation.descriptions import describe_model, usage_digest
from cinecohort.segmentation.options import ModelOptions
from cinecohort.sources.listing import DEFAULT_OBSERVER, folders_in

COHORT_TABLES = tuple(COHORT)
"""Tables of the whole cohort, in ``results/cohort/``."""

OF_THE_STUDY: dict[str, Any] = {"participants": None, "columns": {}, "withdrawals": None}
"""Settings of a dataset that say nothing about its images, without a value."""


def settings_for(
    stage: str,
    config: Config,
    study: str | None = None,
    rejected: Sequence[Rejection] = (),
    corrections: Sequence[Correction] = (),
) -> str:
    """Everything of the configuration that a stage uses, with its version, as canonical JSON.

    Parameters
    ----------
    stage
        A key of :data:`cinecohort.cohort.versions.VERSIONS`.
    config
        The configuration.
    study
        Name of the group study, for ``group_study``.
    rejected
        What reviewers reject of a shard's subjects, for ``measure``.
    corrections
        Corrected label maps of a shard's subjects, for ``segmentation_quality``.
    """
    model = SETTINGS[stage]
    made: dict[str, Callable[[], Any]] = {
        "version": lambda: VERSIONS[stage],
        "config": lambda: config,
        "weights": lambda: weights_digests(config),
        "trained_on": lambda: trained_on(config),
        "rejected": lambda: rejected,
        "corrections": lambda: corrections,
        "reference": lambda: reference_of(config.reference_ranges, config.from_tables),
        "subjects": lambda: config.report.subjects,
        "blinded": lambda: config.review.blinded,
        "verdicts": lambda: config.review.verdicts,
        "calibration": lambda: calibration_file(config),
        "studies": lambda: config.studies if study is None else {study: config.studies[study]},
    }
    if model is ConvertSettings:
        made["datasets"] = lambda: {
            name: options.model_copy(update=OF_THE_STUDY) for name, options in config.datasets.items()
        }
    if model is not SegmentSettings:
        made["models"] = lambda: model_names(config)
    values = {key: made[key]() if key in made else getattr(config, key) for key in model.model_fields}
    return model.model_validate(values).text()


def calibration_file(config: Config) -> dict[str, str] | None:
    """Path and digest of the calibration that the configuration asks for; None where it asks for none.

    Raises
    ------
    UserError
        If the file is not there.
    """
    models = config.models.get("sa") or []
    path = calibration_path(config.quality.calibration, models[0].members[0] if models else "")
    if path is None:
        return None
    if not path.is_file():
        raise UserError(
            f"{path}: quality.calibration names a file that is not there; make it with `cinecohort "
            "calibrate`, or name `shipped` or `none`."
        )
    return {"path": str(path), "digest": digest_file(path)}


def model_names(config: Config) -> dict[str, list[str]]:
    """Names of the configured models by view, the primary one first."""
    return {view: [model.name for model in models] for view, models in config.models.items()}


def observers_named(config: Config) -> set[str]:
    """Observers whose names are known before anything is read; label maps may name others."""
    folders = [options.annotations for options in config.datasets.values() if options.annotations]
    return {DEFAULT_OBSERVER, *(name for folder in folders for name in folders_in(folder))}


def weights_digests(config: Config) -> dict[str, str]:
    """Digest of weights and use of every configured model (each member of an ensemble), by view and name."""
    second, precision = config.segmentation.second_network, config.segmentation.precision
    checking = {} if second is None else {"sa/second network": usage_digest(second, precision)}
    return checking | {
        f"{view}/{model.name}": "+".join(
            [
                *(usage_digest(weights, precision) for weights in model.members),
                *([digest_file(model.validation)] if model.validation else []),
            ]
        )
        for view, models in config.models.items()
        for model in models
    }


def trained_on(config: Config) -> dict[str, dict[str, dict[str, list[str]]]]:
    """Set of models to view to the subjects, by source, that the training of the view's model saw."""
    listed: dict[str, list[str]] = {}
    by_name: dict[tuple[str, str], ModelOptions] = {}
    for view, models in config.models.items():
        listed[view] = [model.name for model in models]
        by_name |= {(view, model.name): model for model in models}
    return {
        each.name: {view: subjects_seen(by_name[view, name].members) for view, name in each.models.items()}
        for each in model_sets(listed)
    }


def subjects_seen(members: Sequence[str]) -> dict[str, list[str]]:
    """Source to the subjects that the training of any of these weights saw."""
    seen: dict[str, set[str]] = {}
    for weights in members:
        for source, subjects in describe_model(weights).trained_on.items():
            seen.setdefault(source, set()).update(subjects)
    return {source: sorted(subjects) for source, subjects in seen.items()}
