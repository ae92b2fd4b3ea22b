"""Equal budgets: how many iterations of a training fit into some processor minutes on this machine.

Processor time of the process (all its threads) is what is counted, so that other work on the machine does
not shorten a row; where a GPU trains it is the time on the clock. Validations count into the budget, with an
estimate of what they cost. The iterations are fixed before a row begins, since learning rates are planned by
them, and kept, so that a row that was killed goes on to the same end.
"""

import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from cinecohort.catalogue.views import structures_of
from cinecohort.images import read_image
from cinecohort.label_maps import read_label
from cinecohort.segmentation.training import train
from cinecohort.segmentation.training_options import TrainingOptions

MEASURED_SECONDS = 20.0
"""Iterations are timed, after one to warm up, until this much time has gone."""

MEASURED_ITERATIONS = 3
"""No fewer are timed, however long they take."""

VALIDATIONS = 8
"""Points of a curve, where there is time for them."""

VALIDATION_SHARE = 0.1
"""Of the budget, at most, for validations; two are made in any case."""

FORWARD_SHARE = 0.25
"""What the network's forward pass takes of an iteration, for the same pixels."""

CHECKPOINT_SECONDS = 60.0
"""Training time between checkpoints, about: what a killed row loses."""


@dataclass(frozen=True)
class Plan:
    """How long a row is trained.

    Parameters
    ----------
    iterations
        Of the whole run.
    validate_every, checkpoint_every
        Iterations between validations and between checkpoints.
    recipe_iterations
        What its recipe asks for.
    seconds_per_iteration
        Measured; None where nothing had to be.
    """

    iterations: int
    validate_every: int
    checkpoint_every: int
    recipe_iterations: int
    seconds_per_iteration: float | None


class EnoughMeasured(Exception):
    """Ends a training that was only timed."""


def uses_gpu(device: str) -> bool:
    """Whether training on this device (``auto``, ``cpu`` or ``cuda``) is on a GPU here."""
    return device == "cuda" or (device == "auto" and torch.cuda.is_available())


def clock_of(device: str) -> Callable[[], float]:
    """Clock of a budget in seconds: processor time of this process, or the wall clock's with a GPU."""
    return time.perf_counter if uses_gpu(device) else time.process_time


def seconds_per_iteration(options: TrainingOptions) -> float:
    """Time some iterations of a training that is then thrown away.

    Parameters
    ----------
    options
        The training; nothing is validated, and nothing kept.

    Returns
    -------
    float
        Seconds of :func:`clock_of`, without loading the data and the first iteration.
    """
    clock = clock_of(options.device)
    times: list[float] = []

    def note(line: str) -> None:
        # The first line says that the data are loaded; each further one that an iteration is done.
        times.append(clock())
        if len(times) >= 2 + MEASURED_ITERATIONS and times[-1] - times[1] >= MEASURED_SECONDS:
            raise EnoughMeasured

    with tempfile.TemporaryDirectory() as folder:
        trial = options.model_copy(
            update={
                "output": Path(folder),
                "data": options.data.model_copy(update={"validation": []}),
                "iterations": 10_000_000,
                "epochs": None,
                "validate_every": 1,
                "checkpoint_every": 10_000_000,
                "select": "best_iou",
            }
        )
        with suppress(EnoughMeasured):
            train(trial, report=note)
    return (times[-1] - times[1]) / (len(times) - 2)


def annotated_frames(
    folder: Path, observer: str, view: str, structures: Iterable[str] | None = None
) -> tuple[int, int]:
    """How many frames and slices of a subject an observer annotated, in any of the structures named.

    Those that measures are made of where none is named.
    """
    labels = read_label(folder, view, observer)
    if labels is None:
        return 0, 0
    names = structures_of(view, structures).values()
    any_structure = np.any([labels.annotated[name] for name in names], axis=0)
    return int(any_structure.any(axis=0).sum()), int(any_structure.sum())


def training_slices(options: TrainingOptions, folders: Sequence[Path]) -> int:
    """How many slices a training learns from."""
    learnt = (options.data.observer, options.view, options.structures)
    return sum(annotated_frames(folder, *learnt)[1] for folder in folders)


def validation_cost(options: TrainingOptions, folders: Sequence[Path]) -> float:
    """Estimate what one validation costs, in iterations: whole images, without the backward pass."""
    pixels = 0.0
    for folder in folders:
        image = read_image(folder / f"{options.view}.nii.gz")
        spacing = image.spacing_mm[:2]
        working = spacing if options.spacing_mm is None else (options.spacing_mm, options.spacing_mm)
        area = 1.0
        for size, native, used in zip(image.data.shape[:2], spacing, working, strict=True):
            area *= size * native / used
        frames = annotated_frames(folder, options.data.observer, options.view, options.structures)[0]
        pixels += area * image.data.shape[2] * frames
    return FORWARD_SHARE * pixels / (options.batch_size * options.crop**2)


def plan(
    options: TrainingOptions,
    budget_minutes: float | None,
    training: Sequence[Path],
    validation: Sequence[Path],
) -> Plan:
    """Decide how long a row is trained.

    Parameters
    ----------
    options
        The training as its recipe has it.
    budget_minutes
        Minutes of :func:`clock_of`; None: the recipe's own length.
    training, validation
        Folders of the subjects.
    """
    # Only passes through the data depend on how many slices there are.
    slices = 0 if options.epochs is None else training_slices(options, training)
    wanted = options.iterations_for(slices)
    if budget_minutes is None:
        return Plan(wanted, options.validate_every_for(slices), options.checkpoint_every, wanted, None)
    seconds = seconds_per_iteration(options)
    affordable = 60 * budget_minutes / seconds
    cost = validation_cost(options, validation)
    points = VALIDATIONS
    if cost > 0:
        points = min(VALIDATIONS, max(2, int(VALIDATION_SHARE * affordable / cost)))
    iterations = max(1, min(wanted, int(affordable - points * cost)))
    return Plan(
        iterations=iterations,
        validate_every=-(-iterations // points),
        checkpoint_every=max(1, int(CHECKPOINT_SECONDS / seconds)),
        recipe_iterations=wanted,
        seconds_per_iteration=seconds,
    )
