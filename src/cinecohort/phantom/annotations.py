"""The workspaces that made-up observers leave: what each drew at end-diastole and end-systole."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from cinecohort.catalogue.views import STRUCTURES
from cinecohort.conversion.cvi42 import write_workspace
from cinecohort.files import write_bytes
from cinecohort.phantom.contours import outlines
from cinecohort.phantom.imaging import Phantom
from cinecohort.phantom.observers import OBSERVERS, Observer, Outlines, draw, reference_observer
from cinecohort.phantom.packaging import Acquired
from cinecohort.phantom.people import generator
from cinecohort.phantom.planning import Slice

REFERENCE = "manual"
"""The observer of the main reference, whose workspaces the faults of annotation are planted in."""


def write_annotations(
    folder: Path,
    subject: str,
    phantom: Phantom,
    acquired: Sequence[Acquired],
    late: Mapping[int, int],
    fault: str,
    seed: int,
) -> None:
    """Write a subject's workspaces, one per observer.

    Parameters
    ----------
    folder
        Folder of annotations, with one folder per observer.
    subject
        The phantom's id.
    phantom
        What was imaged.
    acquired
        Its images.
    late
        Number of a short-axis slice to how many frames late it began.
    fault
        The planted fault, or empty.
    seed
        Seed of the cohort.
    """
    number = int(subject.removeprefix("SYN"))
    truth = true_outlines(phantom, [each.image for each in acquired], late)
    frames = (0, phantom.heart.cycle.es_frame)
    for place, observer in enumerate((reference_observer(number), *OBSERVERS)):
        contours = _contours(observer, truth, acquired, frames, fault, generator(seed, number, 10 + place))
        content = write_workspace(
            contours, zipped_as=f"{subject}_cvi42.cvi42wsx", annotator=f"phantom {observer.name}"
        )
        write_bytes(folder / observer.name / f"{subject}_cvi42.zip", content)


def true_outlines(
    phantom: Phantom, slices: Sequence[Slice], late: Mapping[int, int] | None = None
) -> dict[str, list[Outlines]]:
    """View to the outlines at end-diastole and end-systole, as the images show them.

    A slice that began late shows a later moment of the cycle in these frames.
    """
    heart, late = phantom.heart, late or {}
    n_frames = len(heart.cycle.phase)

    def outlined(image: Slice, frame: int) -> dict[str, np.ndarray]:
        behind = late.get(image.number, 0) if image.view == "sa" else 0
        return outlines(heart, phantom.pose, image, (frame + behind) % n_frames)

    return {
        view: [
            [(image, outlined(image, frame)) for image in slices if image.view == view]
            for frame in (0, heart.cycle.es_frame)
        ]
        for view in STRUCTURES
    }


def _contours(
    observer: Observer,
    truth: Mapping[str, Sequence[Outlines]],
    acquired: Sequence[Acquired],
    frames: tuple[int, int],
    fault: str,
    rng: np.random.Generator,
) -> dict[str, dict[str, np.ndarray]]:
    """SOPInstanceUID to contour name to points of what an observer draws."""
    contours: dict[str, dict[str, np.ndarray]] = {}
    for view, drawn in draw(observer, truth, rng).items():
        of_view = [each for each in acquired if each.image.view == view]
        for frame, of_frame in zip(frames, drawn, strict=True):
            if fault == "no_es_contour" and frame and observer.name == REFERENCE:
                continue
            for each, named in zip(of_view, of_frame, strict=True):
                if named:
                    contours[each.files[frame].uid] = named
    if fault == "swapped_labels" and observer.name == REFERENCE:
        return {uid: _swapped(named) for uid, named in contours.items()}
    return contours


def _swapped(named: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    other = {
        "saendocardialContour": "sarvendocardialContour",
        "sarvendocardialContour": "saendocardialContour",
    }
    return {other.get(name, name): points for name, points in named.items()}
