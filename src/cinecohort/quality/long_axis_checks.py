"""Checks of a long-axis segmentation."""

import numpy as np
from numpy.typing import NDArray

from cinecohort.catalogue.findings import Code
from cinecohort.catalogue.views import STRUCTURES
from cinecohort.findings import Finding
from cinecohort.label_maps import LabelMap
from cinecohort.quality.options import SegmentationQualityOptions
from cinecohort.quality.reports import action_for, finding
from cinecohort.quality.topology import divide, largest_component_sizes
from cinecohort.quality.ukbb_rules import atrium_reason, long_axis_failure


def check_long_axis(
    labels: NDArray[np.uint8],
    whole: LabelMap,
    frames: NDArray[np.int64],
    options: SegmentationQualityOptions,
) -> tuple[list[Finding], dict[str, float | None]]:
    """Run every check of a long-axis view.

    Parameters
    ----------
    labels
        Label map (x, y, t) of the frames that were segmented.
    whole
        The map of the whole cine: which view it is, what its network knows, and how many frames it has.
        The atrium rule is asked only where all were segmented.
    frames
        Index of each in the whole cine.
    options
        Limits and actions.

    Returns
    -------
    findings, values
        What was found, and the numbers behind it, named by view and structure.
    """
    findings: list[Finding] = []
    values: dict[str, float | None] = {}
    view, n_frames = whole.view, whole.image.data.shape[3]
    for label, name in whole.structures.items():
        masks = labels == label
        area = np.count_nonzero(masks, axis=(0, 1))
        share = np.nan_to_num(divide(area - largest_component_sizes(masks), area))
        values[f"{view}_{name.lower()}_min_voxels"] = float(area.min())
        values[f"{view}_{name.lower()}_fragment_share"] = round(float(share.max()), 5)
        missing, pieces = options.s1_missing, options.s2_fragments
        few, many = area < missing.threshold, share > pieces.threshold
        if few.any():
            message = (
                f"{name} has fewer than {missing.threshold:g} pixels in {few.sum()} of {few.size} frames"
            )
            action = action_for(missing.action, view, name)
            findings += finding(
                Code.S1, action, message, view=view, frames=frames[few], value=area.min(),
                threshold=missing.threshold,
            )  # fmt: skip
        if many.any():
            message = f"up to {100 * share.max():.0f} % of {name} lies outside its largest component"
            action = action_for(pieces.action, view, name)
            findings += finding(
                Code.S2, action, message, view=view, frames=frames[many], value=share.max(),
                threshold=pieces.threshold,
            )  # fmt: skip
        if name in STRUCTURES[view].values() and n_frames >= 8 and frames.size == n_frames:
            reason = atrium_reason(masks, options.s9_atrium_rule.threshold)
            values[f"{view}_{name.lower()}_rule_passed"] = float(reason is None)
            if reason:
                findings += finding(Code.S9, options.s9_atrium_rule.action, f"{name}: {reason}", view=view)
    rule = options.s8_long_axis_rule
    failed = long_axis_failure(labels[..., 0], whole.structures, int(rule.threshold))
    values[f"{view}_rule_passed"] = float(failed is None)
    if failed:
        name, reason = failed
        action = action_for(rule.action, view, name)
        findings += finding(Code.S8, action, reason, view=view, frames=frames[:1], threshold=rule.threshold)
    return findings, values
