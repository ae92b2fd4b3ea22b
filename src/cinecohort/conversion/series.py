"""From DICOM files to the views of one subject: the heart of conversion."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cinecohort.catalogue.findings import Code
from cinecohort.catalogue.views import VIEWS
from cinecohort.conversion.cardiac_time import check_times
from cinecohort.conversion.examinations import examinations
from cinecohort.conversion.frames import Frame
from cinecohort.conversion.geometry import slice_axes, stack_affine
from cinecohort.conversion.grid import Grid, plan_grid
from cinecohort.conversion.kinds import drop_other_kinds
from cinecohort.conversion.options import ConversionOptions
from cinecohort.conversion.pixels import UndecodableFrames, common_rescale, fill_volume
from cinecohort.conversion.raw_files import RawBytes
from cinecohort.conversion.reading import read_frames
from cinecohort.conversion.runs import FramePlan, choose_runs, drop_repositioned, plan_frames
from cinecohort.conversion.series_names import DERIVED, SortedImages, keep_cine
from cinecohort.conversion.sidecars import make_sidecar
from cinecohort.conversion.stacks import Stack
from cinecohort.conversion.views import ViewChoice, choose_views, unnamed_stacks
from cinecohort.findings import Finding, Level
from cinecohort.images import Image

WORDS = {
    "sa": "short-axis stack",
    "la_2ch": "two-chamber view",
    "la_3ch": "three-chamber view",
    "la_4ch": "four-chamber view",
}


@dataclass
class ConvertedView:
    """One view of a subject, not yet written.

    Parameters
    ----------
    image
        Voxels (x, y, z, t), affine, frame interval and sidecar.
    instances
        SOPInstanceUID to (slice, frame), for files of one frame: contours are joined by it.
    instance_numbers
        InstanceNumber to (slice, frame), where these numbers are unique in the view.
    residual_mm
        Farthest distance between a slice's own position and the grid.
    corners
        ImagePositionPatient of each slice on the grid (None where it is missing or was resampled).
    """

    view: str
    image: Image
    instances: dict[str, tuple[int, int]]
    instance_numbers: dict[int, tuple[int, int]]
    residual_mm: float
    corners: list[Any]


@dataclass
class Conversion:
    """The views of a subject and everything that was found on the way."""

    views: dict[str, ConvertedView] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def convert_series(
    files: Iterable[RawBytes],
    options: ConversionOptions,
    contoured: Collection[str] = (),
) -> Conversion:
    """Convert the DICOM files of one subject in memory.

    Parameters
    ----------
    files
        Names and contents, in any order; what is not an image is passed over.
    options
        What is done about each kind of fault.
    contoured
        SOPInstanceUIDs that somebody drew contours on, for ``on_duplicate: contoured``.

    Returns
    -------
    Conversion
        The usable views and the findings. Bad data never raises.
    """
    frames, findings = read_frames(files, options.limits)
    conversion = convert_frames(frames, options, contoured)
    conversion.findings = [_with_cause(finding, findings, frames) for finding in conversion.findings]
    return Conversion(conversion.views, findings + conversion.findings)


def _with_cause(finding: Finding, found: list[Finding], frames: list[Frame]) -> Finding:
    """``NO_VIEW`` with what was there instead: files that could not be read, or no image at all."""
    causes = (Code.UNREADABLE, Code.NOT_LOOKED_INTO, *(() if frames else (Code.NOT_CINE,)))
    reasons = [other.message for other in found if other.code in causes]
    if not frames:
        reasons.insert(0, "There is no DICOM image at all.")
    if finding.code != Code.NO_VIEW or not reasons:
        return finding
    return replace(finding, message=" ".join([finding.message, *reasons]))


def convert_frames(
    frames: list[Frame],
    options: ConversionOptions,
    contoured: Collection[str] = (),
) -> Conversion:
    """As :func:`convert_series`, from frames whose headers were read."""
    images = keep_cine(frames, options)
    findings = images.findings()
    placed, without = _with_geometry(images.kept)
    if without:
        message = (
            f"{len(without)} images have no usable position, orientation or pixel size; no voxel of theirs"
            " has a place in space."
        )
        level = Level.REVIEW if placed else Level.REJECT
        findings.append(Finding(Code.NO_GEOMETRY, level, message, value=float(len(without))))
    if several := _identities(placed):
        return Conversion({}, [*findings, several])
    placed, more = _one_examination(placed)
    findings += more
    derived, _ = _with_geometry(images.dropped.get(DERIVED, []))
    choices, more = choose_views(placed, derived, options)
    findings += more
    conversion = Conversion({}, findings)
    for view in VIEWS:
        if view in choices:
            _convert_view(view, choices[view], options, contoured, conversion)
    _missing_views(conversion, options, images, placed)
    return conversion


def _one_examination(frames: list[Frame]) -> tuple[list[Frame], list[Finding]]:
    """Frames of the examination that has most of them; never of several."""
    found = examinations([frame.values for frame in frames])
    if len(found.groups) < 2:
        return frames, []
    largest = max(found.groups, key=len)
    message = (
        f"The images are of {len(found.groups)} examinations (by study, date, time and frame of reference)"
        + (", as far as is known" if found.doubtful else "")
        + f"; only number {found.groups.index(largest) + 1} in time is used, which has most images. Give each"
        " examination its own folder."
    )
    finding = Finding(Code.EXAMINATIONS, Level.REVIEW, message, value=float(len(found.groups)), threshold=1.0)
    return [frames[index] for index in largest], [finding]


def _with_geometry(frames: list[Frame]) -> tuple[list[Frame], list[Frame]]:
    usable: dict[Any, bool] = {}
    placed: list[Frame] = []
    without: list[Frame] = []
    for frame in frames:
        orientation = frame.values.get("ImageOrientationPatient")
        if orientation not in usable:
            usable[orientation] = _is_orientation(orientation)
        (placed if usable[orientation] and frame.has_geometry else without).append(frame)
    return placed, without


def _is_orientation(orientation: Any) -> bool:
    try:
        slice_axes(orientation)
    except (TypeError, ValueError, IndexError):
        return False
    return True


def _identities(frames: list[Frame]) -> Finding | None:
    """Images of several patients in one folder are never put together; an empty PatientID names nobody."""
    patients = {str(frame.values.get("PatientID", "")).strip().casefold() for frame in frames} - {""}
    if len(patients) <= 1:
        return None
    message = f"The files name {len(patients)} different patients; they do not belong to one subject."
    return Finding(Code.IDENTITY, Level.REJECT, message, value=float(len(patients)), threshold=1.0)


def _convert_view(
    view: str,
    choice: ViewChoice,
    options: ConversionOptions,
    contoured: Collection[str],
    conversion: Conversion,
) -> None:
    stack, findings = drop_other_kinds(view, choice.stack, options)
    stack, more = drop_repositioned(view, stack, options)
    findings += more
    while True:
        found = [*findings, *choose_runs(view, stack, options, contoured)]
        if view == "sa" and len(stack.slices) < 2:
            message = "Only one short-axis slice was found; a stack needs two at least."
            conversion.findings += [*found, Finding(Code.NO_VIEW, Level.REJECT, message, view, value=1.0)]
            return
        plan, frame_findings = plan_frames(view, stack.slices, options)
        grid, grid_findings = plan_grid(view, stack, options)
        found += [*frame_findings, *grid_findings, *check_times(view, stack.slices)]
        if any(finding.level is Level.REJECT for finding in found):
            conversion.findings += found
            return
        used = [item.run.frames[s] for i, item in enumerate(stack.slices) for s in plan.sources[i]]
        rescale = common_rescale(used)
        try:
            data = fill_volume(stack, grid, plan, rescale)
            break
        except UndecodableFrames as fault:
            findings.append(_undecodable(view, fault))
            stack = _without(stack, fault.frames)
            if not stack.slices:
                conversion.findings += findings
                return
    conversion.findings += found
    chosen = replace(choice, stack=stack)
    sidecar = make_sidecar(view, chosen, grid, plan, _layout(stack), options, rescale)
    affine = stack_affine(stack.axes, grid.pixel_spacing, grid.step_mm, grid.corner)
    image = Image(data, affine, sidecar["frame_interval_s"], sidecar)
    conversion.views[view] = _converted(view, image, stack, grid, plan)


def _undecodable(view: str, fault: UndecodableFrames) -> Finding:
    frames = fault.frames
    syntax = frames[0].values["TransferSyntaxUID"]
    message = f"{len(frames)} images could not be decoded ({syntax}): {fault.reason}."
    return Finding(Code.UNREADABLE, Level.REVIEW, message, view, value=float(len(frames)))


def _without(stack: Stack, frames: list[Frame]) -> Stack:
    gone = {id(frame) for frame in frames}
    slices = []
    for item in stack.slices:
        runs = [replace(run, frames=[f for f in run.frames if id(f) not in gone]) for run in item.runs]
        runs = [run for run in runs if run.frames]
        if runs:
            slices.append(replace(item, runs=runs))
    return Stack(stack.axes, slices)


def _layout(stack: Stack) -> str:
    """How the files were laid out, in words."""
    frames = [frame for item in stack.slices for frame in item.run.frames]
    if any(frame.multi_frame for frame in frames):
        return "multi-frame"
    n_series = len({frame.series for frame in frames})
    if n_series == 1:
        return "one series"
    return "one series per slice" if n_series == len(stack.slices) else f"{n_series} series"


def _converted(view: str, image: Image, stack: Stack, grid: Grid, plan: FramePlan) -> ConvertedView:
    instances: dict[str, tuple[int, int]] = {}
    shared: set[str] = set()
    numbers: dict[int, list[tuple[int, int]]] = defaultdict(list)
    corners: list[Any] = [None] * grid.n_slices
    repaired = set(plan.repaired)
    for index, item in enumerate(stack.slices):
        place = grid.places[index]
        if index not in grid.resampled:
            corners[place] = item.corner
        for time, source in enumerate(plan.sources[index]):
            frame = item.run.frames[source]
            if (index, time) in repaired:
                continue
            if not frame.multi_frame:
                shared |= {frame.uid} & instances.keys()
                instances[frame.uid] = (place, time)
            if "InstanceNumber" in frame.values:
                numbers[int(frame.values["InstanceNumber"])].append((place, time))
    instances = {uid: where for uid, where in instances.items() if uid not in shared}
    unique = {number: places[0] for number, places in numbers.items() if len(places) == 1}
    return ConvertedView(
        view, image, instances, unique if len(unique) == len(numbers) else {}, grid.residual_mm, corners
    )


def _missing_views(
    conversion: Conversion, options: ConversionOptions, images: SortedImages, placed: list[Frame]
) -> None:
    """``NO_VIEW`` for each view that is required, or for all where none was found and no reason given."""
    spoken = {f.view for f in conversion.findings if f.level is Level.REJECT}
    undecoded = [f.message for f in conversion.findings if f.code == Code.UNREADABLE]
    for view in options.required_views:
        if view not in conversion.views and view not in spoken:
            message = " ".join(
                [f"No {WORDS[view]} was found.", *_why_missing(view, options, images, placed, undecoded)]
            )
            conversion.findings.append(Finding(Code.NO_VIEW, Level.REJECT, message, view))
    if not conversion.views and not any(f.level is Level.REJECT for f in conversion.findings):
        message = " ".join(
            [
                "No view could be made of what was found.",
                *_why_missing("", options, images, placed, undecoded),
            ]
        )
        conversion.findings.append(Finding(Code.NO_VIEW, Level.REJECT, message))


def _why_missing(
    view: str, options: ConversionOptions, images: SortedImages, placed: list[Frame], undecoded: Sequence[str]
) -> list[str]:
    """What was there instead of a view: images that were left out, and stacks without its name."""
    words = list(undecoded)
    if images.dropped:
        reasons = ", ".join(f"{len(members)} {reason}" for reason, members in images.dropped.items())
        words.append(f"Left out were {reasons}.")
    stacks = unnamed_stacks(placed, options) if view == "sa" else []
    if stacks:
        most = max(len(stack.slices) for stack in stacks)
        words.append(
            f"The largest stack of cines without a telling name has {most} parallel slices; without a name"
            f" that says short axis it takes {options.min_parallel_slices}."
        )
    if placed and not stacks and view == "sa":
        words.append(f"No other series has cines of {options.min_frames} frames or more in parallel slices.")
    return words
