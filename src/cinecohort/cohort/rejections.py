"""Views that a quality check rejects: they are neither measured nor compared."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from cinecohort.catalogue.findings import Code
from cinecohort.catalogue.views import STRUCTURES
from cinecohort.findings import Finding, Level
from cinecohort.model_sets import ModelSet
from cinecohort.store import read_record

IMAGES, SEGMENTATIONS = "image_quality", "segmentation_quality"


def rejected_views(folder: Path) -> dict[str, dict[str, list[str]]]:
    """Views of a subject that its quality checks reject.

    Parameters
    ----------
    folder
        The subject's folder in the store.

    Returns
    -------
    dict
        Stage (``image_quality``, ``segmentation_quality``) to view to the codes of the checks, sorted.
    """
    rejected: dict[str, dict[str, list[str]]] = {IMAGES: {}, SEGMENTATIONS: {}}
    for stage, views in rejected.items():
        record = read_record(folder, stage)
        for finding in record.findings if record else []:
            if finding.level is Level.REJECT and finding.view in STRUCTURES:
                views[finding.view] = sorted({*views.get(finding.view, []), finding.code})
    return rejected


def rejections(folder: Path) -> Mapping[str, str]:
    """What :func:`rejected_views` found, as inputs of a stage; empty where nothing is rejected."""
    return {
        f"rejected by {stage}, {view}": ",".join(codes)
        for stage, views in rejected_views(folder).items()
        for view, codes in sorted(views.items())
    }


def usable(
    folder: Path, sets: Sequence[ModelSet], undone: str
) -> tuple[list[ModelSet], list[str], list[Finding]]:
    """What of a subject may be used after its quality checks.

    A view whose image is rejected is not used at all; where the segmentation is, which the checks look at for
    the first model of a view, that model's label map is not, while the observers' are.

    Parameters
    ----------
    folder
        The subject's folder in the store.
    sets
        Sets of models.
    undone
        What is not done with a rejected view, such as "measured".

    Returns
    -------
    tuple
        The sets without rejected label maps, the views that may be used, and a finding for each view that is
        not.
    """
    rejected = rejected_views(folder)
    views = [view for view in STRUCTURES if view not in rejected[IMAGES]]
    kept = [_without(each, rejected[SEGMENTATIONS]) for each in sets]
    findings = [
        Finding(Code.VIEW_REJECTED, Level.REVIEW, message.format(view, undone, ", ".join(codes)), view)
        for stage, message in (
            (IMAGES, "{0} was not {1}: its image is rejected by {2}"),
            (SEGMENTATIONS, "the first model's segmentation of {0} was not {1}: it is rejected by {2}"),
        )
        for view, codes in sorted(rejected[stage].items())
    ]
    return kept, views, findings


def _without(models: ModelSet, views: Mapping[str, Sequence[str]]) -> ModelSet:
    files = {v: file for v, file in models.files.items() if file is not None or v not in views}
    return replace(models, files=files, models={view: models.models[view] for view in files})
