"""Training: one loop for every network and recipe; seeded, resumable, with a curve.

Everything random in an iteration comes from a generator seeded by the run's seed and the iteration's
number, so a run that was killed and resumed ends with the same weights as one that was not.
"""

import csv
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import torch
from torch import Generator, Tensor, nn

from cinecohort.errors import UserError
from cinecohort.files import digest_json, replacing
from cinecohort.segmentation.descriptions import ANY_SOURCE, ModelDescription
from cinecohort.segmentation.fine_tuning import (
    describe_starts,
    names_seen,
    notes_on_starts,
    weights_to_start_from,
)
from cinecohort.segmentation.losses import LOSSES
from cinecohort.segmentation.networks import build_network, starting_weights
from cinecohort.segmentation.participants import participants_of
from cinecohort.segmentation.processors import this_processor
from cinecohort.segmentation.training_batches import make_batch
from cinecohort.segmentation.training_data import (
    LabelledSlices,
    Split,
    find_subjects,
    load_slices,
    split_subjects,
)
from cinecohort.segmentation.training_options import TrainingOptions
from cinecohort.segmentation.validation import (
    AnnotatedFrames,
    ValidationScores,
    read_annotated,
    validate,
)
from cinecohort.segmentation.weights import save_model

STATISTICS_BATCHES = 80
"""Batches whose mean the statistics of batch normalisation are, where they are kept fixed."""

CURVE_COLUMNS = ("iteration", "loss", "learning_rate", "mean_dice", "mean_iou", "dice_by_structure")


def learning_rate_factor(options: TrainingOptions, iteration: int, iterations_per_epoch: float) -> float:
    """Learning rate of an iteration, relative to the highest."""
    warm_up = min(1.0, (iteration + 1) / options.warm_up) if options.warm_up else 1.0
    if options.schedule == "cosine":
        return warm_up * 0.5 * (1 + math.cos(math.pi * iteration / options.iterations))
    if options.schedule == "halving":
        return warm_up * 0.5 ** int(iteration / iterations_per_epoch // options.halving_epochs)
    return warm_up


def make_optimiser(options: TrainingOptions, network: nn.Module) -> torch.optim.Optimizer:
    """Make the optimiser that a recipe names."""
    parameters = network.parameters()
    if options.optimiser == "sgd":
        return torch.optim.SGD(
            parameters, lr=options.learning_rate, momentum=0.99, weight_decay=options.weight_decay
        )
    if options.optimiser == "adam":
        return torch.optim.Adam(parameters, lr=options.learning_rate)
    return torch.optim.AdamW(parameters, lr=options.learning_rate, weight_decay=options.weight_decay)


def update_average(average: nn.Module, network: nn.Module, decay: float) -> None:
    """Move an exponential moving average, buffers of batch normalisation included, towards a network."""
    current = network.state_dict()
    for name, value in average.state_dict().items():
        if value.is_floating_point():
            value.lerp_(current[name].to(value.dtype), 1 - decay)
        else:
            value.copy_(current[name])


@dataclass
class Trainer:
    """A run in progress.

    Parameters
    ----------
    options
        The run's configuration.
    network, average
        The network and the moving average of its weights.
    optimiser
        With its state.
    data
        Training slices.
    iteration
        Number of iterations done.
    best_iou
        Of the validations so far.
    losses
        Those since the last validation.
    """

    options: TrainingOptions
    network: nn.Module
    average: nn.Module
    optimiser: torch.optim.Optimizer
    data: LabelledSlices
    device: torch.device
    iteration: int = 0
    best_iou: float = -1.0
    losses: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        modules = self.network.modules()
        self.momenta = {item: item.momentum for item in modules if isinstance(item, nn.BatchNorm2d)}

    @property
    def iterations_per_epoch(self) -> float:
        """Batches in one pass through the slices."""
        return len(self.data) / self.options.batch_size

    def batch_indices(self) -> Tensor:
        """Slices of this iteration's batch: every slice once an epoch, in an order drawn by the seed."""
        size, count = self.options.batch_size, len(self.data)
        positions = range(self.iteration * size, (self.iteration + 1) * size)
        orders = {
            epoch: np.random.default_rng([self.options.seed, 2, epoch]).permutation(count)
            for epoch in {position // count for position in positions}
        }
        return torch.tensor([int(orders[position // count][position % count]) for position in positions])

    def step(self) -> None:
        """Do one iteration."""
        options = self.options
        generator = Generator().manual_seed(options.seed * 1_000_003 + self.iteration)
        torch.manual_seed(options.seed * 1_000_003 + self.iteration)
        images, labels, annotated = make_batch(self.data, self.batch_indices(), options, generator)
        factor = learning_rate_factor(options, self.iteration, self.iterations_per_epoch)
        for group in self.optimiser.param_groups:
            group["lr"] = options.learning_rate * factor
        for normalisation, momentum in self.momenta.items():
            # At first the mean of all batches: a small momentum alone would keep what it was initialised with
            # for hundreds of iterations, and a short training would be tested with it.
            normalisation.momentum = max(momentum or 0.0, 1 / (self.iteration + 1))
        self.network.train()
        if options.fixed_statistics:
            for normalisation in self.momenta:
                normalisation.eval()
        self.optimiser.zero_grad(set_to_none=True)
        with self.arithmetic():
            logits = self.network(images.contiguous(memory_format=torch.channels_last))
        loss = LOSSES[options.loss](logits, labels, annotated)
        if not torch.isfinite(loss):
            raise UserError(
                f"{options.name}: the loss is {loss.item()} after {self.iteration} iterations; lower the "
                "learning rate or lengthen the warm-up."
            )
        loss.backward()
        self.optimiser.step()
        self.iteration += 1
        if options.average is None:
            update_average(self.average, self.network, 0.0)
        else:
            decay = min(options.average, (1 + self.iteration) / (10 + self.iteration))
            update_average(self.average, self.network, decay)
        self.losses.append(float(loss.detach()))

    def find_statistics(self, batches: int = STATISTICS_BATCHES) -> None:
        """Make the statistics of batch normalisation those of the training's images."""
        options = self.options
        self.network.train()
        for number in range(batches):
            generator = Generator().manual_seed(options.seed * 1_000_003 - 1 - number)
            indices = torch.randint(len(self.data), (options.batch_size,), generator=generator)
            images, _, _ = make_batch(self.data, indices, options, generator)
            for normalisation in self.momenta:
                normalisation.momentum = 1 / (number + 1)
            with torch.no_grad(), self.arithmetic():
                self.network(images.contiguous(memory_format=torch.channels_last))
        self.average.load_state_dict(self.network.state_dict())

    def arithmetic(self) -> torch.autocast:
        """Context in which the network computes."""
        enabled = self.options.precision == "bf16"
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=enabled)

    def state(self, digest: str) -> dict[str, Any]:
        """Everything that a resumed run needs."""
        return {
            "digest": digest,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "iteration": self.iteration,
            "best_iou": self.best_iou,
            "losses": self.losses,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up a saved state."""
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.iteration = state["iteration"]
        self.best_iou = state["best_iou"]
        self.losses = state.get("losses", [])


def training_device(options: TrainingOptions) -> torch.device:
    """Where a run trains.

    Raises
    ------
    UserError
        If CUDA is asked for and not there.
    """
    if options.device == "cuda" and not torch.cuda.is_available():
        raise UserError("training is pinned to cuda, but torch sees no GPU here; use device: auto or cpu.")
    use_cuda = options.device == "cuda" or (options.device == "auto" and torch.cuda.is_available())
    return torch.device("cuda" if use_cuda else "cpu")


def training_precision(options: TrainingOptions) -> Literal["bf16", "fp32"]:
    """Arithmetic that a run trains in."""
    if options.precision != "auto":
        return options.precision
    on_gpu = training_device(options).type == "cuda"
    return "bf16" if (torch.cuda.is_bf16_supported() if on_gpu else this_processor().has_bf16) else "fp32"


def make_trainer(options: TrainingOptions, data: LabelledSlices) -> Trainer:
    """Make the network (fresh, or the weights to fine-tune), its average and its optimiser."""
    device = training_device(options)
    torch.manual_seed(options.seed)
    classes = len(options.labels) + 1
    inputs = 2 * options.neighbours + 1
    networks = [build_network(options.architecture, classes, options.dropout, inputs) for _ in range(2)]
    network, average = (
        item.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        for item in networks
    )
    if options.starts:
        network.load_state_dict(starting_weights(weights_to_start_from(options, network), network))
    average.load_state_dict(network.state_dict())
    average.requires_grad_(False).eval()
    return Trainer(options, network, average, make_optimiser(options, network), data, device)


def to_device(data: LabelledSlices, device: torch.device) -> LabelledSlices:
    """Put images, labels and annotated classes where the network is; positions stay on the CPU."""
    return LabelledSlices(
        data.images.to(device),
        data.neighbours,
        data.labels.to(device),
        data.annotated.to(device),
        data.spacing_mm,
        data.size_px,
        data.heart_px,
    )


def describe(
    options: TrainingOptions, split: Split, starts: Sequence[ModelDescription], learnt_from: int
) -> ModelDescription:
    """What is written beside the weights; `learnt_from` subjects had anything labelled."""
    seen = {ANY_SOURCE: set(participants_of([*split.training, *split.validation]).values())}
    for start in starts:
        for source, names in start.trained_on.items():
            seen.setdefault(source, set()).update(names)
    return ModelDescription(
        name=options.name,
        view=options.view,
        architecture=options.architecture,
        spacing_mm=options.spacing_mm,
        normalisation=options.normalisation,
        neighbours=options.neighbours,
        structures={str(label): name for label, name in options.labels.items()},
        recipe=options.model_dump(mode="json", exclude={"output", "data", "threads", "device"}),
        training_subjects=learnt_from,
        validation_subjects=len(split.validation),
        trained_on={source: sorted(names) for source, names in seen.items()},
    )


def train(
    options: TrainingOptions,
    report: Callable[[str], None] = print,
    saved: Callable[[], None] = lambda: None,
) -> Path:
    """Train or resume a network.

    Parameters
    ----------
    options
        The run. Its output folder gets ``checkpoint.pt``, ``curve.csv``, ``split.csv`` and the weights.
    report
        Takes lines of progress.
    saved
        Called whenever a checkpoint was written.

    Returns
    -------
    pathlib.Path
        The weights: ``<output>/<name>.safetensors``, with their description beside them.

    Raises
    ------
    UserError
        If there is no data, or the output folder holds a checkpoint of another configuration.
    """
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    options = options.model_copy(update={"precision": training_precision(options)})
    starts = describe_starts(options)
    folders = find_subjects(options.data, options.view)
    split = split_subjects(folders, options.data, options.seed, names_seen(starts))
    whose, what = (options.data.observer, options.view), options.labels
    data = load_slices(split.training, *whose, options.neighbours, options.spacing_mm, what)
    options = options.model_copy(update={"iterations": options.iterations_for(len(data))})
    validation = [read_annotated(folder, *whose, what) for folder in split.validation]
    numbers = f"{len(split.training)} subjects, {len(data)} slices; {len(validation)} to validate"
    unlabelled = f"; nothing labelled in {', '.join(data.without_labels)}" if data.without_labels else ""
    report("; ".join([f"{options.name}: {numbers}{unlabelled}", *notes_on_starts(options, starts, split)]))
    trainer = make_trainer(options, to_device(data, training_device(options)))
    output = options.output
    output.mkdir(parents=True, exist_ok=True)
    # What is not named does not enter, so that trainings go on that began before it could be named.
    added_later = {"structures": options.structures, "fixed_statistics": options.fixed_statistics}
    unnamed = {"output", "threads", *(name for name, value in added_later.items() if not value)}
    digest = digest_json(options.model_dump(mode="json", exclude=unnamed))
    checkpoint = output / "checkpoint.pt"
    if checkpoint.is_file():
        trainer.restore(saved_state(checkpoint, digest, trainer.device))
        check_same_split(checkpoint.with_name("split.csv"), split)
        report(f"{options.name}: resumed after {trainer.iteration} iterations")
    else:
        (output / "curve.csv").unlink(missing_ok=True)
        if options.fixed_statistics:
            trainer.find_statistics()
    write_split(output / "split.csv", split)
    description = describe(options, split, starts, len(split.training) - len(data.without_labels))
    run_iterations(trainer, validation, description, checkpoint, digest, report, saved)
    return output / f"{options.name}.safetensors"


def run_iterations(
    trainer: Trainer,
    validation: list[AnnotatedFrames],
    description: ModelDescription,
    checkpoint: Path,
    digest: str,
    report: Callable[[str], None],
    saved: Callable[[], None],
) -> None:
    """Iterate to the end, with validations and checkpoints on the way; write the weights."""
    options = trainer.options
    weights = checkpoint.with_name(f"{options.name}.safetensors")
    validate_every = options.validate_every_for(len(trainer.data))
    while trainer.iteration < options.iterations:
        trainer.step()
        done = trainer.iteration == options.iterations
        if done or trainer.iteration % validate_every == 0:
            scores = validate(trainer.average, description, validation, options.precision == "bf16")
            nothing_chosen = done and trainer.best_iou < 0
            if options.select == "last" or scores.mean_iou > trainer.best_iou or nothing_chosen:
                save_model(weights, trainer.average, description)
            trainer.best_iou = max(trainer.best_iou, scores.mean_iou)
            write_curve_row(checkpoint.with_name("curve.csv"), trainer, scores)
            report(
                f"{options.name}: {trainer.iteration} of {options.iterations}, "
                f"loss {np.mean(trainer.losses):.4f}, {scores.sentence()}"
            )
            trainer.losses = []
        if done or trainer.iteration % options.checkpoint_every == 0:
            with replacing(checkpoint) as temporary:
                torch.save(trainer.state(digest), temporary)
            saved()


def saved_state(checkpoint: Path, digest: str, device: torch.device) -> dict[str, Any]:
    """Read a checkpoint of the same configuration.

    Raises
    ------
    UserError
        If it is damaged or of another configuration.
    """
    try:
        state = torch.load(checkpoint, map_location=device, weights_only=True)
        theirs = state["digest"]
    except Exception as fault:
        raise UserError(
            f"{checkpoint}: is damaged or no checkpoint; remove it to begin anew, or name another output."
        ) from fault
    if theirs != digest:
        raise UserError(f"{checkpoint} is from another configuration; remove it or name another output.")
    return cast("dict[str, Any]", state)


def split_rows(split: Split) -> list[list[str]]:
    """The part that each subject plays, as rows of a table with a header."""
    parts = {"training": split.training, "validation": split.validation, "test": split.test}
    return [["subject", "part"], *([folder.name, part] for part, of in parts.items() for folder in of)]


def check_same_split(path: Path, split: Split) -> None:
    """Hold the subjects of a run that is resumed against those that it began with.

    Raises
    ------
    UserError
        If they are others.
    """
    if not path.is_file():
        return
    with path.open(newline="") as stream:
        before = list(csv.reader(stream))
    if before != split_rows(split):
        raise UserError(
            f"{path}: the run began with other subjects than the folders hold now; restore them, or name "
            "another output."
        )


def write_split(path: Path, split: Split) -> None:
    """Write who was trained and validated on, and who was kept for tests."""
    with replacing(path) as temporary, temporary.open("w", newline="") as stream:
        csv.writer(stream).writerows(split_rows(split))


def write_curve_row(path: Path, trainer: Trainer, scores: ValidationScores) -> None:
    """Append a validation to the curve; rows beyond it, of a run that was killed later, are dropped."""
    rows: list[list[str]] = []
    if path.is_file():
        with path.open(newline="") as stream:
            rows = [
                row
                for row in csv.reader(stream)
                if row and row[0].isdigit() and int(row[0]) < trainer.iteration
            ]
    rate = trainer.optimiser.param_groups[0]["lr"]
    by_structure = " ".join(f"{name}={value:.4f}" for name, value in scores.dice.items())
    row = [trainer.iteration, np.mean(trainer.losses), rate, scores.mean_dice, scores.mean_iou]
    rows.append([str(row[0]), *(f"{value:.6g}" for value in row[1:]), by_structure])
    with replacing(path) as temporary, temporary.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(CURVE_COLUMNS)
        writer.writerows(rows)
