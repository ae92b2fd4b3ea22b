"""From DICOM files to the views of one subject: the heart of conversion."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from cinecohort.catalogue.findings import Code
from cinecohort.catalogue.views import VIEWS
from cinecohort.conversion.cardiac_time import check_times
from cinecohort.conversion.dicom_header import NoImage, UnreadableFile, read_header
from cinecohort.conversion.frames import Frame, frames_of
from cinecohort.conversion.geometry import slice_axes, stack_affine
from cinecohort.conversion.grid import Grid, plan_grid
from cinecohort.conversion.options import ConversionOptions
from cinecohort.conversion.pixels import UndecodableFrames, common_rescale, fill_volume
from cinecohort.conversion.raw_files import RawBytes, ought_to_be_image
from cinecohort.conversion.runs import FramePlan, choose_runs, drop_other_kinds, plan_frames
from cinecohort.conversion.series_names import keep_cine
from cinecohort.conversion.sidecars import make_sidecar
from cinecohort.conversion.stacks import Stack
from cinecohort.conversion.views import ViewChoice, choose_views
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
    files: Iterable[RawBytes], options: ConversionOptions, contoured: Collection[str] = ()
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
    frames, findings = read_frames(files)
    conversion = convert_frames(frames, options, contoured)
    conversion.findings = [_with_cause(finding, findings, frames) for finding in conversion.findings]
    return Conversion(conversion.views, findings + conversion.findings)


def _with_cause(finding: Finding, found: list[Finding], frames: list[Frame]) -> Finding:
    """``NO_VIEW`` with what was there instead: files that could not be read, or no image at all."""
    unreadable = [other.message for other in found if other.code == Code.UNREADABLE]
    cause = " ".join(unreadable) or ("" if frames else "There is no DICOM image at all.")
    if finding.code != Code.NO_VIEW or not cause:
        return finding
    return replace(finding, message=f"{finding.message} {cause}")


def read_frames(files: Iterable[RawBytes]) -> tuple[list[Frame], list[Finding]]:
    """Read the headers of all files.

    ``UNREADABLE`` (review) counts those that could not be read, ``NOT_CINE`` (info) those that are DICOM but
    no image, ``DUPLICATE`` (info) copies of one file.
    """
    frames: list[Frame] = []
    faults: dict[str, list[int]] = defaultdict(list)
    count = others = 0
    for file in sorted(files, key=lambda file: file.name):
        if not ought_to_be_image(file):
            continue
        count += 1
        if file.content is None:
            faults[file.fault].append(count)
            continue
        try:
            header = read_header(file.content)
            frames.extend(frames_of(file.content, header, count))
        except UnreadableFile as fault:
            faults[str(fault)].append(count)
        except NoImage:
            others += 1
    findings = [_unreadable(reason, places, count) for reason, places in faults.items()]
    if others:
        message = f"{others} DICOM files hold no image and were left out."
        findings.append(Finding(Code.NOT_CINE, Level.INFO, message, value=float(others)))
    unique = _without_copies(frames)
    if len(unique) < len(frames):
        copies = len(frames) - len(unique)
        message = f"{copies} images are copies of others (same instance, place and time) and were left out."
        findings.append(Finding(Code.DUPLICATE, Level.INFO, message, value=float(copies)))
    return unique, findings


def _without_copies(frames: list[Frame]) -> list[Frame]:
    """The first of the frames that have the same UID and number, unless place or time tell them apart."""
    unique: dict[Any, Frame] = {}
    for frame in frames:
        place = frame.values.get("ImagePositionPatient"), frame.values.get("TriggerTime")
        key = (frame.uid, frame.number, *place) if frame.uid else id(frame)
        unique.setdefault(key, frame)
    return list(unique.values())


def _unreadable(reason: str, places: list[int], count: int) -> Finding:
    """File names may hold identities, so files are named by their place in the order of names."""
    message = (
        f"{len(places)} of {count} files could not be used ({reason}); the first is number {places[0]} in the"
        " order of names."
    )
    return Finding(Code.UNREADABLE, Level.REVIEW, message, value=float(len(places)))


def convert_frames(
    frames: list[Frame], options: ConversionOptions, contoured: Collection[str] = ()
) -> Conversion:
    """As :func:`convert_series`, from frames whose headers were read."""
    kept, findings = keep_cine(frames, options)
    placed, without = _with_geometry(kept)
    if without:
        message = (
            f"{len(without)} images have no usable position, orientation or pixel size; no voxel of theirs"
            " has a place in space."
        )
        level = Level.REVIEW if placed else Level.REJECT
        findings.append(Finding(Code.NO_GEOMETRY, level, message, value=float(len(without))))
    if several := _identities(placed):
        return Conversion({}, [*findings, several])
    choices, more = choose_views(placed, options)
    findings += more
    conversion = Conversion({}, findings)
    for view in VIEWS:
        if view in choices:
            _convert_view(view, choices[view], options, contoured, conversion)
    _missing_views(conversion, options)
    return conversion


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
    """Images of several patients in one folder are never put together."""
    patients = {frame.values.get("PatientID", "") for frame in frames}
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
            findings.append(_undecodable(view, fault.frames))
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


def _undecodable(view: str, frames: list[Frame]) -> Finding:
    message = f"{len(frames)} images could not be decoded ({frames[0].values['TransferSyntaxUID']})."
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
    return "one series a slice" if n_series == len(stack.slices) else f"{n_series} series"


def _converted(view: str, image: Image, stack: Stack, grid: Grid, plan: FramePlan) -> ConvertedView:
    instances: dict[str, tuple[int, int]] = {}
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
                instances[frame.uid] = (place, time)
            if "InstanceNumber" in frame.values:
                numbers[int(frame.values["InstanceNumber"])].append((place, time))
    unique = {number: places[0] for number, places in numbers.items() if len(places) == 1}
    return ConvertedView(
        view, image, instances, unique if len(unique) == len(numbers) else {}, grid.residual_mm, corners
    )


def _missing_views(conversion: Conversion, options: ConversionOptions) -> None:
    """``NO_VIEW`` for each view that is required, or for all where none was found and no reason given."""
    spoken = {f.view for f in conversion.findings if f.level is Level.REJECT}
    for view in options.required_views:
        if view not in conversion.views and view not in spoken:
            message = f"No {WORDS[view]} was found."
            conversion.findings.append(Finding(Code.NO_VIEW, Level.REJECT, message, view))
    if not conversion.views and not any(f.level is Level.REJECT for f in conversion.findings):
        message = "No view could be made of what was found."
        conversion.findings.append(Finding(Code.NO_VIEW, Level.REJECT, message))
