"""The weights that a training starts from: whether they fit, whom they saw, and their mean."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from cinecohort.errors import UserError
from cinecohort.segmentation.architectures import ARCHITECTURES, grows_into
from cinecohort.segmentation.descriptions import ModelDescription, describe_model
from cinecohort.segmentation.participants import participants_of
from cinecohort.segmentation.training_data import Split
from cinecohort.segmentation.training_options import TrainingOptions
from cinecohort.segmentation.weights import load_model


def describe_starts(options: TrainingOptions) -> list[ModelDescription]:
    """Descriptions of the weights that a run starts from.

    Raises
    ------
    UserError
        If they are of an architecture that does not grow into the run's, see other neighbours, or differ from
        each other in what makes a mean of them meaningless.
    """
    starts = [describe_model(name) for name in options.starts]
    for name, start in zip(options.starts, starts, strict=True):
        if start.architecture not in ARCHITECTURES:
            raise UserError(
                f"{name}: its description names a network that is not here, {start.architecture}."
            )
        if not grows_into(start.architecture, options.architecture):
            raise UserError(
                f"{name} is {start.architecture}, which is not {options.architecture} and does not grow "
                "into it; change architecture to match."
            )
        if start.neighbours not in (0, options.neighbours):
            raise UserError(
                f"{name} sees {start.neighbours} neighbouring slices, not {options.neighbours}; change "
                "neighbours to match."
            )
    for key in ("view", "labels", "architecture", "neighbours", "spacing_mm", "normalisation"):
        values = [getattr(start, key) for start in starts]
        if any(value != values[0] for value in values):
            raise UserError(
                f"start_from: {', '.join(options.starts)} differ in {key} ({', '.join(map(str, values))}), "
                "so that they have no mean; name weights alike."
            )
    return starts


def notes_on_starts(
    options: TrainingOptions, starts: Sequence[ModelDescription], split: Split
) -> Iterator[str]:
    """What is to be known of a run that starts from weights: sentences."""
    if not starts:
        return
    for key in ("spacing_mm", "normalisation"):
        before, now = getattr(starts[0], key), getattr(options, key)
        if before != now:
            yield f"it starts from weights of {key} {before} and goes on with {now}"
    person, known = participants_of(split.validation), names_seen(starts)
    seen = [folder for folder in split.validation if not known.isdisjoint({folder.name, person[folder]})]
    if seen:
        yield (
            f"{len(seen)} of {len(split.validation)} validation subjects took part in the training that it "
            "starts from: their Dice may be too good"
        )


def names_seen(starts: Sequence[ModelDescription]) -> set[str]:
    """Participants that trainings saw, of any source."""
    return {name for start in starts for names in start.trained_on.values() for name in names}


def weights_to_start_from(options: TrainingOptions) -> dict[str, Tensor]:
    """Read the weights that a run fine-tunes; of another view or other structures, all but the head.

    Several are averaged (Wortsman et al. 2022, "Model soups"): trainings of which one began with the other's
    weights often have a mean that is better than each.

    Raises
    ------
    UserError
        As :func:`describe_starts`.
    """
    starts = describe_starts(options)
    same_classes = starts[0].view == options.view and starts[0].labels == options.labels
    states = [load_model(name)[0].state_dict() for name in options.starts]
    return {
        name: torch.stack([state[name] for state in states]).mean(dim=0)
        if first.is_floating_point()
        else first
        for name, first in states[0].items()
        if same_classes or not name.startswith("head.")
    }
