"""Segmenting subjects: whole shards in one process, reading, network and writing side by side."""

import traceback
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cinecohort.catalogue.findings import Code
from cinecohort.catalogue.views import STRUCTURES
from cinecohort.errors import UserError, is_machine_fault
from cinecohort.findings import Finding, Level, Outcome, Status
from cinecohort.images import PIXELS_MM, Image, read_image, write_image
from cinecohort.label_maps import segmentation_path
from cinecohort.segmentation.clean_up import clean_up
from cinecohort.segmentation.descriptions import (
    ModelDescription,
    check_precision,
    describe_for,
    ensemble_description,
)
from cinecohort.segmentation.engines import (
    Network,
    ResolvedEngine,
    make_network,
    mean_network,
    resolve_engine,
)
from cinecohort.segmentation.inference import ImageInference
from cinecohort.segmentation.nnunet_engine import NnunetInference, NnunetNetwork
from cinecohort.segmentation.options import ModelOptions, SegmentationOptions, is_nnunet
from cinecohort.segmentation.preprocessing import without_contrast
from cinecohort.segmentation.symmetries import AVERAGED, averaged
from cinecohort.segmentation.uncertainty import (
    flip_agreement,
    member_agreement,
    network_confidence,
    uncertain_frames,
)
from cinecohort.segmentation.validation_records import with_record
from cinecohort.segmentation.weights import load_model

READ_AHEAD = 2
"""Images in memory before the network, at most; as many may wait behind it."""


@dataclass(frozen=True)
class LoadedModel:
    """A model ready to segment a view."""

    name: str
    description: ModelDescription
    network: Network
    """What segments: the mean of the members, over mirrored and turned images where asked for."""

    engine: ResolvedEngine
    members: tuple[Network, ...]
    """The network, or those of an ensemble."""

    second: tuple[ModelDescription, Network] | None = None
    """The second network, whose agreement is recorded."""


@dataclass
class ReadSubject:
    """A subject's image, or why there is none."""

    folder: Path
    image: Image | None
    findings: list[Finding]
    traceback: str = ""
    """Of an unexpected fault."""


@dataclass
class SegmentedSubject:
    """What the network made of an image."""

    subject: ReadSubject
    labels: NDArray[np.uint8]
    frames: list[int]
    sidecar: dict[str, Any]


def load(model: ModelOptions, options: SegmentationOptions, view: str, threads: int | None) -> LoadedModel:
    """Load a model.

    Raises
    ------
    UserError
        If the weights are missing, damaged or for another view, the members of an ensemble do not fit
        together, or a pinned engine, or nnU-Net where its folder is named, is not there or does not work.
    """
    if view not in STRUCTURES:
        raise UserError(f"{view} is not segmented; choose one of {', '.join(STRUCTURES)}.")
    resolved = resolve_engine(options)
    described = [describe_for(weights, view) for weights in model.members]
    second = None
    if options.second_network is not None and view == "sa":
        describe_for(options.second_network, view)
        network, about = _prepared(options.second_network, resolved, threads)
        second = about, network
    if is_nnunet(model.members[0]):
        external = NnunetNetwork(model.members[0], options, threads)
        description = with_record(described[0], model.validation)
        return LoadedModel(model.name, description, external, external.engine, (external,), second)
    loaded = [_prepared(weights, resolved, threads) for weights in model.members]
    networks = tuple(network for network, _ in loaded)
    description = ensemble_description(model.name, [description for _, description in loaded])
    description = with_record(description, model.validation)
    network = averaged(mean_network(networks), AVERAGED[options.test_time_augmentation])
    return LoadedModel(model.name, description, network, resolved, networks, second)


def _prepared(
    weights: str, resolved: ResolvedEngine, threads: int | None
) -> tuple[Network, ModelDescription]:
    """Load weights into what runs them."""
    check_precision(weights, resolved.precision)
    network, description = load_model(weights)
    return make_network(network, resolved, threads, description.activation_ranges), description


def segment_subjects(
    folders: Iterable[Path],
    model: ModelOptions,
    options: SegmentationOptions,
    view: str,
    name: str | None = None,
    threads: int | None = None,
) -> Iterator[tuple[Path, Outcome]]:
    """Segment one view of many subjects with one model, which is loaded once.

    Parameters
    ----------
    folders
        Subjects' folders, each with ``{view}.nii.gz``.
    model, options
        Which network and how it is run.
    view
        ``sa``, ``la_2ch`` or ``la_4ch``.
    name
        None for the primary model, which writes ``seg_{view}.nii.gz``; else ``seg_{name}_{view}.nii.gz``.
    threads
        CPU threads of the network.

    Yields
    ------
    tuple
        Each folder, in the order given, with its outcome. A bad image is a finding; at most a few subjects
        are in memory at once, whatever their number.

    Raises
    ------
    UserError
        If the model or a pinned engine is not there.
    """
    yield from segment_with(load(model, options, view, threads), folders, options, name)


def segment_with(
    loaded: LoadedModel, folders: Iterable[Path], options: SegmentationOptions, name: str | None = None
) -> Iterator[tuple[Path, Outcome]]:
    """Segment many subjects with a model from :func:`load`; see :func:`segment_subjects`."""
    view = loaded.description.view
    remaining = iter(folders)
    with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as writer:
        ahead = deque(reader.submit(read_subject, folder, view) for folder in islice(remaining, READ_AHEAD))
        behind: deque[tuple[Path, Future[Outcome]]] = deque()
        while ahead:
            subject = ahead.popleft().result()
            ahead.extend(reader.submit(read_subject, folder, view) for folder in islice(remaining, 1))
            segmented = run_network(subject, loaded, options)
            behind.append((subject.folder, writer.submit(finish, segmented, loaded, options, view, name)))
            while len(behind) >= READ_AHEAD:
                folder, outcome = behind.popleft()
                yield folder, outcome.result()
        for folder, outcome in behind:
            yield folder, outcome.result()


def fault(code: Code, folder: Path, view: str, error: Exception) -> Finding:
    """Finding of an unexpected fault with a subject."""
    return Finding(
        code,
        Level.ERROR,
        f"{folder.name}: {view} could not be segmented ({type(error).__name__}: {error}).",
        view,
    )


def read_subject(folder: Path, view: str) -> ReadSubject:
    """Read an image and note what is odd about it."""
    path = folder / f"{view}.nii.gz"
    if not path.is_file():
        level = Level.REJECT if view == "sa" else Level.INFO
        return ReadSubject(
            folder, None, [Finding(Code.NO_IMAGE, level, f"There is no {path.name} to segment.", view)]
        )
    try:
        image = read_image(path)
    except UserError as error:
        return ReadSubject(folder, None, [Finding(Code.UNREADABLE, Level.REJECT, str(error), view)])
    odd = implausible_pixels(image, view)
    return ReadSubject(folder, None, odd) if odd else ReadSubject(folder, image, image_findings(image, view))


def implausible_pixels(image: Image, view: str) -> list[Finding]:
    """Pixels of a size that no heart can be segmented in: metres for millimetres, axes in another order."""
    for size in image.spacing_mm[:2]:
        if not PIXELS_MM[0] <= size <= PIXELS_MM[1]:
            message = (
                f"Pixels of {image.spacing_mm[0]:.3g} x {image.spacing_mm[1]:.3g} mm are no cine's; check "
                "the unit and that the axes are x, y, slice, frame."
            )
            limit = PIXELS_MM[0] if size < PIXELS_MM[0] else PIXELS_MM[1]
            return [Finding(Code.SPACING, Level.REJECT, message, view, value=size, threshold=limit)]
    return []


def image_findings(image: Image, view: str) -> list[Finding]:
    """Voxels that are not finite, and slices without any contrast."""
    findings = []
    if np.issubdtype(image.data.dtype, np.floating):
        bad = int(np.count_nonzero(~np.isfinite(image.data)))
        if bad:
            message = f"{bad} voxels are not finite; they were taken as the darkest."
            findings.append(Finding(Code.NOT_FINITE, Level.REVIEW, message, view, value=bad, threshold=0))
    blank = without_contrast(image.data)
    always = np.all(blank, axis=1)
    if always.any():
        message = f"{always.sum()} of {always.size} slices have no contrast in any frame."
        slices = tuple(np.flatnonzero(always).tolist())
        findings.append(Finding(Code.BLANK_SLICE, Level.REVIEW, message, view, slices=slices))
    slices, frames = (tuple(np.unique(places).tolist()) for places in np.nonzero(blank & ~always[:, None]))
    if slices:
        message = f"{len(slices)} of {always.size} slices have no contrast in {len(frames)} frames."
        findings.append(Finding(Code.BLANK_SLICE, Level.REVIEW, message, view, slices=slices, frames=frames))
    return findings


def frames_to_segment(image: Image, options: SegmentationOptions) -> list[int]:
    """All frames, or ED and ES where only these are wanted and the source names them."""
    n_frames = image.data.shape[3]
    roles = image.sidecar.get("frame_roles") or {}
    named = {int(roles[role]) for role in ("ed", "es") if roles.get(role) in range(n_frames)}
    if options.frames == "ed_es" and len(named) == 2:
        return sorted(named)
    return list(range(n_frames))


def run_network(
    subject: ReadSubject, model: LoadedModel, options: SegmentationOptions
) -> SegmentedSubject | ReadSubject:
    """Send an image through the network; a fault that is not the machine's becomes a finding."""
    if subject.image is None:
        return subject
    try:
        kind = NnunetInference if isinstance(model.network, NnunetNetwork) else ImageInference
        inference = kind(subject.image, model.description, model.network, options.batch_size)
        frames = frames_to_segment(subject.image, options)
        margin = options.heart_region_margin_mm
        labels = inference.labels(frames) if margin is None else inference.labels_around_heart(frames, margin)
        roles = subject.image.sidecar.get("frame_roles") or {}
        several = len(model.members) > 1 or options.uncertainty
        is_compared = several or model.second is not None
        compared = uncertain_frames(labels, frames, roles) if is_compared else []
        uncertainty = uncertainty_of(inference, model, compared) if several else None
        confidence = confidence_of(inference, model, compared)
    except Exception as error:
        if is_machine_fault(error):
            raise
        found = fault(Code.SEGMENTATION_FAULT, subject.folder, model.description.view, error)
        lines = "".join(traceback.format_exception(error))
        return ReadSubject(subject.folder, None, [*subject.findings, found], lines)
    sidecar = {
        "uncertainty": uncertainty,
        **({} if confidence is None else {"confidence": confidence}),
        "inference": {
            "device": model.engine.device,
            "spacing_mm": model.description.spacing_mm,
            "normalisation": model.description.normalisation,
            "test_time_augmentation": options.test_time_augmentation,
        },
        **({"external": model.network.facts} if isinstance(model.network, NnunetNetwork) else {}),
        "heart_region": {
            "margin_mm": options.heart_region_margin_mm,
            "box": inference.grid.box,
            "whole_images": inference.whole_images,
        },
    }
    return SegmentedSubject(subject, labels, frames, sidecar)


def uncertainty_of(inference: ImageInference, model: LoadedModel, frames: list[int]) -> dict[str, Any]:
    """Agreement of an ensemble's members, or of a single network with itself under flips."""
    structures = model.description.labels
    if len(model.members) > 1:
        return member_agreement(inference, model.members, frames, structures)
    return flip_agreement(inference.through(model.members[0]), frames, structures)


def confidence_of(inference: ImageInference, model: LoadedModel, frames: list[int]) -> dict[str, Any] | None:
    """How sure the network is and how far the second one agrees; None where there is no second network.

    A second network of the same spacing sees the same region; another one sees whole images.
    """
    if model.second is None:
        return None
    about, network = model.second
    same = ("spacing_mm", "normalisation", "neighbours")
    if all(getattr(about, name) == getattr(model.description, name) for name in same):
        other = inference.through(network)
    else:
        other = ImageInference(inference.image, about, network, inference.batch_size, inference.limits)
    structures = model.description.labels
    name = f"{about.name}@{about.sha256[:8]}"
    found = network_confidence(inference, other.labels(frames), frames, structures)
    return {**found, "second_network": name}


def finish(
    segmented: SegmentedSubject | ReadSubject,
    model: LoadedModel,
    options: SegmentationOptions,
    view: str,
    name: str | None,
) -> Outcome:
    """Clean up and write a segmentation."""
    values: dict[str, Any] = {
        "model": model.name,
        "engine": model.engine.engine,
        "precision": model.engine.precision,
        "device": model.engine.device,
    }
    if isinstance(segmented, ReadSubject):
        values["frames_segmented"] = 0
        return Outcome(Status.OK, segmented.findings, [], values, traceback=segmented.traceback)
    image = segmented.subject.image
    assert image is not None
    labels, findings = segmented.labels, list(segmented.subject.findings)
    structures = model.description.labels
    cleaned = clean_up(labels, view, structures, options.clean_up, image)
    if options.frames == "ed_es" and len(segmented.frames) > 2:
        message = f"ED and ES are not named; all {len(segmented.frames)} frames were segmented."
        findings.append(Finding(Code.ALL_FRAMES, Level.INFO, message, view))
    if not labels.any():
        message = "The network found no heart in any frame."
        findings.append(Finding(Code.NOTHING_FOUND, Level.REVIEW, message, view))
    sidecar = {
        "view": view,
        "model": model.name,
        "weights": model.description.name,
        "weights_sha256": model.description.sha256,
        "engine": model.engine.engine,
        "precision": model.engine.precision,
        "frames": segmented.frames,
        "structures": {str(label): structure for label, structure in structures.items()},
        "clean_up": options.clean_up.model_dump() | cleaned,
        "validated": model.description.validated,
        **segmented.sidecar,
    }
    path = segmentation_path(segmented.subject.folder, view, name)
    write_image(path, Image(labels, image.affine, image.frame_interval_s, sidecar))
    values["frames_segmented"] = len(segmented.frames)
    outputs = [path.name, path.name.removesuffix(".nii.gz") + ".json"]
    return Outcome(Status.OK, findings, outputs, values)
