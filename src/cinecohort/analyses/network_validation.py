"""A network tested on a folder of labelled subjects: Dice, bias of sizes, and a record with its verdict."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from cinecohort.catalogue.views import STRUCTURES
from cinecohort.errors import UserError
from cinecohort.findings import Outcome
from cinecohort.images import sidecar_path
from cinecohort.label_maps import LabelMap, label_path, read_label, read_segmentation
from cinecohort.segmentation.options import ModelOptions, SegmentationOptions
from cinecohort.segmentation.participants import participants_of
from cinecohort.segmentation.prediction import LoadedModel, load, segment_with
from cinecohort.segmentation.validation_records import (
    StructureRecord,
    ValidationBars,
    ValidationRecord,
    bars_of,
    failures_of,
)


@dataclass
class Sizes:
    """Dice and sizes (voxels) of a structure in every frame that the expert drew."""

    dice: list[float] = field(default_factory=list)
    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)

    def record(self) -> StructureRecord:
        """Sum up."""
        dice = np.array(self.dice)
        spread = float(dice.std(ddof=1)) if dice.size > 1 else 0.0
        bias = 100 * (np.sum(self.ours) / np.sum(self.theirs) - 1)
        return StructureRecord(
            n=dice.size,
            dice_mean=float(dice.mean()),
            dice_sd=spread,
            dice_lowest=float(dice.min()),
            bias_pct=float(bias),
        )


def validate_network(
    model: ModelOptions,
    view: str,
    subjects: Path,
    observer: str,
    options: SegmentationOptions,
    bars: ValidationBars | None = None,
) -> ValidationRecord:
    """Segment labelled subjects that the weights never saw, and hold the result against an observer's labels.

    Parameters
    ----------
    model
        The weights.
    view
        Their view.
    subjects
        Folder of subjects' folders as ``cinecohort convert`` writes them.
    observer
        Whose labels.
    options
        How the network is run.
    bars
        What has to be reached; the usual bars by default.

    Raises
    ------
    UserError
        If no subject has an image and labels of the view that the training did not see, or none could be
        compared.
    """
    folders = sorted(path.parent for path in subjects.glob(f"*/label_{observer}_{view}.nii.gz"))
    folders = [folder for folder in folders if (folder / f"{view}.nii.gz").is_file()]
    if not folders:
        raise UserError(
            f"{subjects}: no subject has {view}.nii.gz and label_{observer}_{view}.nii.gz; convert the data "
            "set first (`cinecohort convert`), or name another observer."
        )
    loaded = load(model, options, view, None)
    seen = {name for names in loaded.description.trained_on.values() for name in names}
    whose = participants_of(folders)
    unseen = [folder for folder in folders if seen.isdisjoint({folder.name, whose[folder]})]
    if not unseen:
        raise UserError(
            f"{subjects}: {len(folders)} subjects have {view}.nii.gz and label_{observer}_{view}.nii.gz, "
            "and the training of these weights saw all of them; give subjects that it did not see."
        )
    sizes = {name: Sizes() for name in loaded.description.labels.values()}
    compared = 0
    for folder, outcome in _segmented(loaded, unseen, observer, view, options):
        ours = read_segmentation(folder, view) if outcome.outputs else None
        truth = read_label(folder, view, observer)
        if ours is not None and truth is not None:
            compared += add_frames(sizes, ours, truth)
    structures = {name: found.record() for name, found in sizes.items() if found.dice}
    if not structures:
        raise UserError(f"{subjects}: none of {len(unseen)} subjects could be segmented and compared.")
    failed = len(unseen) - compared
    missing = [name for name in sizes if name not in structures]
    needed = [name for name in sizes if name in STRUCTURES[view].values()] or list(sizes)
    return ValidationRecord(
        weights=loaded.description.name,
        sha256=loaded.description.sha256,
        view=loaded.description.view,
        dataset=subjects.resolve().name,
        observer=observer,
        engine=f"{loaded.engine.engine}/{loaded.engine.precision}",
        n_subjects=compared,
        n_seen=len(folders) - len(unseen),
        n_failed=failed,
        structures=structures,
        bars=bars_of(structures, bars or ValidationBars()),
        untested=[name for name in missing if name not in needed],
        failures=failures_of(
            compared, failed, structures, [name for name in missing if name in needed], bars
        ),
    )


def _segmented(
    loaded: LoadedModel, folders: Sequence[Path], observer: str, view: str, options: SegmentationOptions
) -> Iterator[tuple[Path, Outcome]]:
    """Segment links to the subjects, so that nothing is written beside the user's files."""
    with tempfile.TemporaryDirectory(prefix="cinecohort_validate_") as place:
        linked = []
        for number, folder in enumerate(folders):
            target = Path(place) / f"{number:05d}"
            target.mkdir()
            for path in (folder / f"{view}.nii.gz", label_path(folder, view, observer)):
                for file in (path, sidecar_path(path)):
                    if file.is_file():
                        (target / file.name).symlink_to(file.resolve())
            linked.append(target)
        yield from segment_with(loaded, linked, options, None)


def add_frames(sizes: dict[str, Sizes], ours: LabelMap, truth: LabelMap) -> bool:
    """Compare every frame and slice in which the observer drew a structure; whether there was any."""
    found = False
    for name, of_structure in sizes.items():
        mine, drawn = ours.mask(name), truth.mask(name)
        for frame in np.flatnonzero(truth.frames(name) & ours.frames(name)):
            known = truth.annotated[name][:, frame]
            a, b = (mask[:, :, known, frame] for mask in (mine, drawn))
            if not b.any():
                continue
            found = True
            of_structure.dice.append(2 * float((a & b).sum()) / float(a.sum() + b.sum()))
            of_structure.ours.append(float(a.sum()))
            of_structure.theirs.append(float(b.sum()))
    return found
