"""The weights that a training starts from: whether they fit, whom they saw, and their mean."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from cinecohort.errors import UserError
from cinecohort.segmentation.architectures import ARCHITECTURES, grows_into
from cinecohort.segmentation.descriptions import ModelDescription, describe_model
from cinecohort.segmentation.participants import participants_of
from cinecohort.segmentation.training_data import Split
from cinecohort.segmentation.training_options import TrainingOptions
from cinecohort.segmentation.weights import load_model

BACKGROUND = 0
"""The first class of every network."""


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
    for key in ("view", "architecture", "neighbours", "spacing_mm", "normalisation"):
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


def weights_to_start_from(options: TrainingOptions, network: nn.Module) -> dict[str, Tensor]:
    """Read the weights that a run fine-tunes; of another view, all but the head.

    Several are averaged (Wortsman et al. 2022, "Model soups"): trainings of which one began with the other's
    weights often have a mean that is better than each. In the last layer a structure begins with the mean of
    the weights that know it, and fresh where none does.

    Parameters
    ----------
    options
        The run.
    network
        The fresh network that the weights are for.

    Raises
    ------
    UserError
        As :func:`describe_starts`.
    """
    starts = describe_starts(options)
    states = [load_model(name)[0].state_dict() for name in options.starts]
    same_view = starts[0].view == options.view
    last_layer = list(states[0])[-2:]
    mean = {
        name: torch.stack([state[name] for state in states]).mean(dim=0)
        if first.is_floating_point()
        else first
        for name, first in states[0].items()
        if name not in last_layer and (same_view or not name.startswith("head."))
    }
    if same_view:
        classes = [[BACKGROUND, *start.labels] for start in starts]
        for name in last_layer:
            rows = [
                dict(zip(known, state[name], strict=True))
                for known, state in zip(classes, states, strict=True)
            ]
            mean[name] = mean_by_class(rows, [BACKGROUND, *options.labels], network.state_dict()[name].cpu())
    return mean


def mean_by_class(rows: Sequence[dict[int, Tensor]], classes: Sequence[int], fresh: Tensor) -> Tensor:
    """Mean of what several last layers hold for each class; `fresh` for the classes that none knows."""
    result = fresh.clone()
    for index, label in enumerate(classes):
        known = [of_start[label] for of_start in rows if label in of_start]
        if known:
            # A network that grew has more channels than its start; as in `starting_weights`, they weigh 0.
            value, of_class = torch.stack(known).mean(dim=0).flatten(), result.view(len(classes), -1)[index]
            of_class[: len(value)] = value
            of_class[len(value) :] = 0
    return result
