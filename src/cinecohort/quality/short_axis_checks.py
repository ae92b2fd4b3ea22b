"""Checks of a short-axis segmentation: each a function from numbers to findings."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cinecohort.catalogue.findings import Code
from cinecohort.findings import Finding
from cinecohort.quality.options import Check, SegmentationQualityOptions
from cinecohort.quality.reports import finding, in_places
from cinecohort.quality.short_axis import NAMES, ShortAxis
from cinecohort.quality.slice_timing import slices_out_of_step
from cinecohort.quality.ukbb_rules import short_axis_reason

VIEW = "sa"

END_SLICE_SHIFT = 4 / 3
"""How much further an end slice may lie off the line, which its neighbours hold on one side only."""

FEW_FRAMES = 0.1
"""Share of the cycle's frames that may be beyond a limit on shapes, which was found at end-diastole and
end-systole of sound hearts: no volume that is reported comes from the others, and the more there are, the
likelier one is."""


def check_short_axis(
    heart: ShortAxis, options: SegmentationQualityOptions
) -> tuple[list[Finding], dict[str, float | None]]:
    """Run every check of the short axis.

    Parameters
    ----------
    heart
        The segmentation.
    options
        Limits and actions.

    Returns
    -------
    findings, values
        What was found, and the numbers behind it.
    """
    findings: list[Finding] = []
    values: dict[str, float | None] = {}
    for part in (_presence, _shape, _position, _course, _ukbb):
        for found, name, value in part(heart, options):
            findings += [
                replace(each, slices=tuple(heart.places[list(each.slices)].tolist())) for each in found
            ]
            values[name] = None if np.isnan(value) else round(float(value), 5)
    return findings, values


Part = Iterator[tuple[list[Finding], str, float]]


def _telling(heart: ShortAxis, beyond: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Frames (t,) beyond a limit if end-diastole or end-systole is one, or over :data:`FEW_FRAMES` are."""
    counts = beyond[[heart.ed, heart.es]].any() or beyond.mean() > FEW_FRAMES
    return np.asarray(beyond & counts)


def _frames(heart: ShortAxis, where: NDArray[np.bool_]) -> NDArray[np.int64]:
    return heart.frames[where]


def _presence(heart: ShortAxis, options: SegmentationQualityOptions) -> Part:
    """S1, S2: every structure in every frame, in one piece per slice."""
    check = options.s1_missing
    for label, name in NAMES.items():
        voxels = heart.counts[label].sum(axis=0)
        few = voxels < check.threshold
        message = f"{name} has fewer than {check.threshold:g} voxels in {few.sum()} of {few.size} frames"
        found = _report(Code.S1, check, message, few.any(), voxels.min(), frames=_frames(heart, few))
        yield found, f"{name.lower()}_min_voxels", float(voxels.min())
    check = options.s2_fragments
    for name, share in heart.fragment_share().items():
        worst = float(np.nanmax(share, initial=0.0))
        many = _telling(heart, np.nan_to_num(share) > check.threshold)
        message = f"up to {100 * worst:.0f} % of {name} lies outside the largest component of its slice"
        found = _report(Code.S2, check, message, many.any(), worst, frames=_frames(heart, many))
        yield found, f"{name.lower()}_fragment_share", worst


def _shape(heart: ShortAxis, options: SegmentationQualityOptions) -> Part:
    """S3, S4 and the swap: myocardium around the LV, the RV apart from it, no holes, no empty slices."""
    check = options.s3_open_ring
    opening = np.nan_to_num(heart.open_ring_share())
    worst = float(opening.max())
    open_slices = np.nan_to_num(heart.lv_borders.share((0, 3))) > check.threshold
    slices, frames = np.nonzero(open_slices & (heart.levels > 0) & (opening > check.threshold))
    message = f"up to {100 * worst:.0f} % of the LV's border below the base is not on myocardium"
    beyond = _telling(heart, opening > check.threshold)
    found = _report(Code.S3, check, message, beyond.any(), worst, slices=slices, frames=heart.frames[frames])
    yield found, "open_ring_share", worst
    yield from _topology(heart, options.s4_topology)
    lv, rv = heart.lv_borders.total_share((2,)), heart.rv_borders.total_share((2,))
    swapped = lv < options.label_swap.threshold and rv > lv
    message = f"{100 * lv:.0f} % of the LV's border and {100 * rv:.0f} % of the RV's lie on myocardium"
    yield _report(Code.LABEL_SWAP, options.label_swap, message, swapped, lv), "lv_on_myocardium", lv


def _topology(heart: ShortAxis, check: Check) -> Part:
    touching = np.where(heart.levels == 1, heart.lv_borders.share((3,)), np.nan)
    worst = float(np.nanmax(touching, initial=0.0))
    slices, frames = np.nonzero(np.nan_to_num(touching) > check.threshold)
    message = (
        f"the LV touches the RV at mid level {in_places(slices, frames)}, at most over {100 * worst:.0f} % of"
        " its border"
    )
    found = _report(
        Code.S4, check, message, slices.size > 0, worst, slices=slices, frames=heart.frames[frames]
    )
    yield found, "lv_on_rv", worst
    alone = (heart.levels == 1) & (heart.counts[3] > 0) & (heart.rv_borders.on[2] == 0)
    slices, frames = np.nonzero(alone)
    message = f"the RV lies apart from the myocardium at mid level {in_places(slices, frames)}"
    found = _report(
        Code.S4, check, message, slices.size > 0, alone.sum(), slices=slices, frames=heart.frames[frames]
    )
    yield found, "rv_apart_slices", float(slices.size)
    total = 0
    for name, pixels in heart.holes().items():
        slices, frames = np.nonzero(pixels)
        total += int(pixels.sum())
        message = f"there are holes in {name} {in_places(slices, frames)}, {pixels.sum()} pixels together"
        found = _report(
            Code.S4, check, message, slices.size > 0, pixels.sum(), slices=slices, frames=heart.frames[frames]
        )
        yield found, "hole_pixels", float(total)
    gaps = 0
    for name, empty in heart.empty_slices().items():
        slices, frames = np.nonzero(empty)
        gaps += slices.size
        message = f"{name} is missing, or nearly so, {in_places(slices, frames)}, between slices that have it"
        found = _report(
            Code.S4, check, message, slices.size > 0, slices.size, slices=slices, frames=heart.frames[frames]
        )
        yield found, "empty_slices", float(gaps)

    solid = heart.solid() & ~heart.empty_slices()["LV"]
    slices, frames = np.nonzero(solid)
    message = f"the myocardium holds no LV {in_places(slices, frames)}, where it is too large for an apex"
    found = _report(
        Code.S4, check, message, slices.size > 0, slices.size, slices=slices, frames=heart.frames[frames]
    )
    yield found, "solid_slices", float(slices.size)


def _position(heart: ShortAxis, options: SegmentationQualityOptions) -> Part:
    """I3, I4: slices in line, apex inside the stack."""
    check = options.i3_slice_shift_mm
    away = heart.slice_shift_mm()
    mean = float(np.nanmean(away)) if np.isfinite(away).any() else float("nan")
    message = f"LV centres lie {mean:.1f} mm from a smooth line on average"
    slices = np.flatnonzero(np.nan_to_num(away) > check.threshold)
    yield (
        _report(Code.I3, check, message, mean > check.threshold, mean, slices=slices),
        "slice_shift_mm",
        mean,
    )
    check = options.i3_one_slice_mm
    limits = np.full(away.size, check.threshold)
    limits[np.flatnonzero(np.isfinite(away))[:1]] *= END_SLICE_SHIFT
    limits[np.flatnonzero(np.isfinite(away))[-1:]] *= END_SLICE_SHIFT
    off = np.flatnonzero(np.nan_to_num(away) > limits)
    worst = float(np.nanmax(away, initial=0.0))
    number = "one slice" if off.size == 1 else f"{off.size} slices"
    message = f"the LV of {number} lies up to {worst:.0f} mm beside that of the others"
    yield _report(Code.I3, check, message, off.size > 0, worst, slices=off), "one_slice_shift_mm", worst
    check = options.i4_coverage
    share = heart.apical_area_share()
    message = f"LV area in the last apical slice of the stack is {100 * share:.0f} % of the mid slice's"
    yield _report(Code.I4, check, message, share > check.threshold, share), "apical_area_share", share
    check = options.i4_base
    ratio = heart.base_length_ratio()
    message = (
        "the LV fills the most basal slice of the stack at end-diastole and end-systole, and is too short for"
        " its width, or still grows there: the base is missing"
    )
    yield _report(Code.I4, check, message, ratio < check.threshold, ratio), "base_length_ratio", ratio


def _course(heart: ShortAxis, options: SegmentationQualityOptions) -> Part:
    """S5, S6, S10: steady volumes, one contraction, slices in step; asked of whole cycles only."""
    if not heart.covers_cycle:
        return
    check = options.s5_volume_step
    for name, ratio in heart.volume_steps().items():
        worst = float(np.nanmax(ratio, initial=1.0))
        steep = np.nan_to_num(ratio) >= check.threshold
        message = f"{name} volume changes up to {worst:.1f} times from one frame to the next"
        found = _report(Code.S5, check, message, steep.any(), worst, frames=_frames(heart, steep))
        yield found, f"{name.lower()}_volume_step", worst
    phase = heart.systole_phase()
    limits = options.s6_systole
    outside = not limits.low <= phase <= limits.high
    message = f"LV volume is smallest {100 * phase:.0f} % of the cycle after it is largest"
    limit = limits.low if phase < limits.low else limits.high
    found = (
        finding(Code.S6, limits.action, message, view=VIEW, value=phase, threshold=limit) if outside else []
    )
    yield found, "systole_phase", phase
    check = options.s6_contractions
    depths = heart.contractions()
    second = float(depths[-1]) if depths.size else 0.0
    number = 1 + int(np.count_nonzero(depths > check.threshold))
    message = (
        f"the LV volume has {number} minima in the cycle, the second {100 * second:.0f} % as deep as the"
        " first: frames out of order, two heart beats, or single frames that failed"
    )
    yield _report(Code.S6, check, message, number > 1, second), "second_contraction", second
    check = options.s10_slice_timing
    off = slices_out_of_step(heart.counts)
    worst = float(np.abs(off[np.isfinite(off)]).max(initial=0.0)) if np.isfinite(off).any() else float("nan")
    late = np.flatnonzero(np.nan_to_num(np.abs(off)) > check.threshold)
    message = f"{late.size} slices are up to {100 * worst:.0f} % of the cycle out of step with the others"
    yield _report(Code.S10, check, message, late.size > 0, worst, slices=late), "slice_timing", worst


def _ukbb(heart: ShortAxis, options: SegmentationQualityOptions) -> Part:
    """S7: the rule of ukbb_cardiac at end-diastole."""
    check = options.s7_short_axis_rule
    reason = short_axis_reason(heart.labels[..., heart.ed], int(check.threshold))
    frames = heart.frames[[heart.ed]]
    found = _report(
        Code.S7, check, f"at end-diastole {reason}", reason is not None, float("nan"), frames=frames
    )
    yield found, "short_axis_rule_passed", float(reason is None)


def _report(
    code: Code, check: Check, message: str, beyond: Any, value: float, slices: Any = (), frames: Any = ()
) -> list[Finding]:
    if not beyond:
        return []
    return finding(
        code,
        check.action,
        message,
        view=VIEW,
        slices=np.unique(slices).tolist(),
        frames=np.unique(frames).tolist(),
        value=None if np.isnan(value) else value,
        threshold=check.threshold,
    )
