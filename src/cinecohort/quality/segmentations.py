"""Checks of a subject's segmentations, and of the images where that takes a segmentation."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cinecohort.catalogue.findings import Code
from cinecohort.catalogue.views import STRUCTURES
from cinecohort.files import read_json
from cinecohort.findings import Finding, Outcome
from cinecohort.images import read_image, sidecar_path
from cinecohort.label_maps import LabelMap, read_segmentation
from cinecohort.quality import heart_edges
from cinecohort.quality.heart_contrast import (
    contrast,
    contrast_of_range,
    frame_difference,
    moving_wall,
    rounded,
)
from cinecohort.quality.long_axis_checks import check_long_axis
from cinecohort.quality.options import Check, SegmentationQualityOptions, UncertaintyCheck
from cinecohort.quality.predictors import frame_pair, predictors
from cinecohort.quality.reports import action_for, finding
from cinecohort.quality.short_axis import ShortAxis
from cinecohort.quality.short_axis_checks import check_short_axis


def check_segmentations(folder: Path, name: str | None, options: SegmentationQualityOptions) -> Outcome:
    """Check every segmentation of one model.

    Parameters
    ----------
    folder
        The subject's folder in the store.
    name
        The model; None is the primary one.
    options
        Limits and actions.

    Returns
    -------
    Outcome
        Findings with codes of :class:`cinecohort.catalogue.findings.Code`; ``values`` holds the numbers
        behind them. Without any segmentation both are empty.
    """
    outcome = Outcome()
    for view in STRUCTURES:
        labels = read_segmentation(folder, view, name)
        if labels is None:
            continue
        known = np.flatnonzero(np.any(list(labels.annotated.values()), axis=(0, 1)))
        if known.size == 0:
            continue
        structures = list(labels.structures.values())
        findings, values = _check_view(folder, labels, known, options)
        uncertain, agreement = check_uncertainty(
            labels.image.sidecar.get("uncertainty"), view, options.u1_uncertainty, structures
        )
        cleaned = labels.image.sidecar.get("clean_up")
        changed, shares = check_clean_up(cleaned, view, options.s11_clean_up, structures)
        outcome.findings += findings + uncertain + changed
        outcome.values |= {**values, **agreement, **shares}
    return outcome


def _check_view(
    folder: Path, labels: LabelMap, known: NDArray[np.int64], options: SegmentationQualityOptions
) -> tuple[list[Finding], Mapping[str, float | str | None]]:
    data = labels.image.data
    whole = known.size == data.shape[3]
    segmented = data if whole else data[..., known]
    if labels.view != "sa":
        return check_long_axis(segmented[:, :, 0, :], labels, known, options)
    roles = _frame_roles(folder)
    heart = short_axis(segmented, labels, known, roles.get("ed"), missing_slices(folder))
    findings, values = check_short_axis(heart, options)
    named_es, sidecar = roles.get("es"), labels.image.sidecar
    image = _image(folder / "sa.nii.gz", data.shape)
    ed = int(known[heart.ed])
    value = None if image is None else rounded(contrast(image[..., ed], data[..., ed]))
    values["contrast"] = value
    check = options.i2_contrast
    if value is not None and value < check.threshold:
        message = f"LV and myocardium differ by {100 * value:.0f} % of the sum of their signals"
        findings += finding(Code.I2, check.action, message, view="sa", value=value, threshold=check.threshold)
    pair = frame_pair(heart, sidecar, named_es)
    if pair is None:
        return findings, values
    names = ("contrast", "moving_wall", "frame_difference", *heart_edges.NAMES)
    seen: dict[str, float | None] = dict.fromkeys(names)
    if image is not None:
        both = image[..., known[pair]], data[..., known[pair]]
        seen["contrast"] = rounded(contrast_of_range(image[..., ed], data[..., ed]))
        seen["moving_wall"] = rounded(moving_wall(*both))
        seen["frame_difference"] = rounded(frame_difference(*both))
        seen |= {name: rounded(value) for name, value in heart_edges.edge_numbers(*both).items()}
    return findings, {**values, **predictors(heart, pair, sidecar, seen)}


def _image(path: Path, shape: tuple[int, ...]) -> NDArray[Any] | None:
    """The image (x, y, z, t) of a segmentation; None where there is none of its shape."""
    image = read_image(path).data if path.is_file() else None
    return image if image is not None and image.shape == shape else None


def short_axis(
    segmented: NDArray[np.uint8],
    labels: LabelMap,
    known: NDArray[np.int64],
    ed_frame: int | None,
    missing: Collection[int] = (),
) -> ShortAxis:
    """Cut a short-axis segmentation to the heart; end-diastole is the frame named or that of the largest LV.

    Parameters
    ----------
    segmented
        Label map (x, y, z, t) of the frames `known`.
    labels
        The whole map, for its geometry.
    known
        Frames that were segmented.
    ed_frame
        End-diastole where the source names it.
    missing
        Slices that the scanner never sent: no segmentation can hold anything there, and none is blamed.
    """
    drawn = np.asarray(segmented.any(axis=(2, 3)))
    x, y = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
    box = (slice(x[0], x[-1] + 1), slice(y[0], y[-1] + 1)) if x.size else (slice(0, 1), slice(0, 1))
    slices = np.setdiff1d(np.arange(segmented.shape[2]), list(missing))
    heart = np.ascontiguousarray(segmented[box][:, :, slices])
    ed = int(np.count_nonzero(heart == 1, axis=(0, 1, 2)).argmax())
    if ed_frame is not None and ed_frame in known:
        ed = int(np.flatnonzero(known == ed_frame)[0])
    image = labels.image
    return ShortAxis(heart, image.spacing_mm, image.affine, known, image.data.shape[3], ed, slices)


def check_uncertainty(
    uncertainty: Mapping[str, Any] | None, view: str, check: UncertaintyCheck, structures: Collection[str]
) -> tuple[list[Finding], dict[str, float | None]]:
    """U1: how far repeated predictions agree, where the segmentation's sidecar says.

    Parameters
    ----------
    uncertainty
        ``agreement``: structure to mean pairwise Dice; ``volume_cv``: structure to the coefficient of
        variation of its volume. None where the network ran once.
    view
        The view.
    check
        Least Dice of each structure and largest variation.
    structures
        Names of those that the network knows.

    Returns
    -------
    findings, values
        What was found, and the numbers by structure.
    """
    found: list[Finding] = []
    values: dict[str, float | None] = {}
    if uncertainty is None:
        return found, values
    least = {"LV": check.dice_lv, "MYO": check.dice_myo, "RV": check.dice_rv}
    for name in structures:
        dice = (uncertainty.get("agreement") or {}).get(name)
        variation = (uncertainty.get("volume_cv") or {}).get(name)
        values |= {f"{view}_{name.lower()}_agreement": dice, f"{view}_{name.lower()}_volume_cv": variation}
        limit = least.get(name, check.dice_atria)
        if dice is not None and dice < limit:
            message = f"repeated predictions of {name} agree to a Dice of {dice:.2f} only"
            action = action_for(check.action, view, name)
            found += finding(Code.U1, action, message, view=view, value=dice, threshold=limit)
        if variation is not None and variation > check.volume_cv:
            message = f"volume of {name} varies by {100 * variation:.0f} % over repeated predictions"
            action = action_for(check.action, view, name)
            found += finding(Code.U1, action, message, view=view, value=variation, threshold=check.volume_cv)
    return found, values


def check_clean_up(
    cleaned: Mapping[str, Any] | None, view: str, check: Check, structures: Collection[str]
) -> tuple[list[Finding], dict[str, float | None]]:
    """S11: how much the clean-up removed and filled, where the segmentation's sidecar says.

    Parameters
    ----------
    cleaned
        What :func:`cinecohort.segmentation.clean_up.clean_up` did; None where the sidecar does not say.
    view
        The view.
    check
        Largest share of a structure, or of the heart, in any frame.
    structures
        Names of those that the network knows.

    Returns
    -------
    findings, values
        What was found, and the share by structure.
    """
    found: list[Finding] = []
    values: dict[str, float | None] = {}
    if cleaned is None:
        return found, values
    for name in structures:
        share = (cleaned.get("removed_share") or {}).get(name)
        values[f"{view}_{name.lower()}_removed_share"] = share
        if share is not None and share > check.threshold:
            removed = cleaned["removed_ml"][name]
            at = (cleaned.get("removed_at") or {}).get(name) or {}
            message = (
                f"clean-up removed up to {100 * share:.0f} % of {name} in a frame, at most {removed:.1f} mL"
            )
            found += finding(
                Code.S11,
                action_for(check.action, view, name),
                message,
                view=view,
                slices=at.get("slices", ()) if view == "sa" else (),
                frames=[at["frame"]] if at else (),
                value=share,
                threshold=check.threshold,
            )
    share = cleaned.get("filled_share")
    values[f"{view}_filled_share"] = share
    if share is not None and share > check.threshold:
        filled = cleaned["filled_ml"]
        message = (
            f"clean-up filled up to {100 * share:.0f} % of the heart in a frame, at most {filled:.1f} mL"
        )
        found += finding(Code.S11, check.action, message, view=view, value=share, threshold=check.threshold)
    return found, values


def _frame_roles(folder: Path) -> dict[str, Any]:
    return _sidecar(folder).get("frame_roles") or {}


def missing_slices(folder: Path) -> tuple[int, ...]:
    """Slices that the scanner never sent, by the image's sidecar."""
    return tuple(_sidecar(folder).get("missing_slices") or ())


def _sidecar(folder: Path) -> dict[str, Any]:
    path = sidecar_path(folder / "sa.nii.gz")
    return read_json(path) if path.is_file() else {}
