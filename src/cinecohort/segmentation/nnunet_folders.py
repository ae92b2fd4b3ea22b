"""Model folders of nnU-Net v2 as models: what they hold, which structures they give, what identifies them.

A folder is what ``nnUNetv2_train`` leaves or ``nnUNetv2_export_model_to_zip`` packs, such as
``Dataset027_ACDC/nnUNetTrainer__nnUNetPlans__2d``: ``dataset.json``, ``plans.json`` and
``fold_*/checkpoint_final.pth``. Light enough for the Snakefile to read; nnU-Net itself is not needed here.
"""

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from cinecohort.catalogue.views import LABELS, STRUCTURES
from cinecohort.errors import UserError
from cinecohort.files import digest_file, digest_json, expanded, read_json
from cinecohort.segmentation.options import NNUNET

CHECKPOINT = "checkpoint_final.pth"

NOT_STRUCTURES = {"background", "ignore"}
"""Labels of every ``dataset.json`` that name nothing to segment."""

LABEL_NAMES = {
    "LV": {"lv", "lvc", "lvcavity", "lvbp", "lvbloodpool", "leftventricle", "leftventricularcavity"},
    "MYO": {"myo", "mlv", "lvm", "lvmyo", "myocardium", "lvmyocardium", "leftventricularmyocardium"},
    "RV": {"rv", "rvc", "rvcavity", "rvbp", "rvbloodpool", "rightventricle", "rightventricularcavity"},
    "LA": {"la", "lacavity", "leftatrium"},
    "RA": {"ra", "racavity", "rightatrium"},
}
"""Structure to the names that ``dataset.json`` may give it, in lower case, letters only; RV, MLV and LVC are
those of nnU-Net's own conversion of ACDC."""


@dataclass(frozen=True)
class NnunetFolder:
    """A model folder of nnU-Net."""

    path: Path
    name: str
    """Data set and folder as nnU-Net names them, with a dot between."""
    folds: tuple[str, ...]
    """Folds whose networks are averaged: ``0`` to ``4``, or ``all``."""
    labels: dict[str, int]
    """Structure to its label in ``dataset.json``."""
    view: str
    """View whose structures these are."""
    structures: dict[int, str]
    """Our label to structure."""


def read_folder(weights: str) -> NnunetFolder:
    """Read what is known about a model folder, without its checkpoints.

    Parameters
    ----------
    weights
        ``nnunet:`` and the folder; ``~`` and ``$VARIABLES`` are filled in.

    Raises
    ------
    UserError
        If it is incomplete, takes other images than one cine, or gives no view's structures.
    """
    path = expanded(weights.removeprefix(NNUNET))
    if not path.is_dir():
        raise UserError(f"{path}: there is no such model folder of nnU-Net.")
    dataset, plans = (_facts(path / name) for name in ("dataset.json", "plans.json"))
    channels = dataset.get("channel_names", dataset.get("modality", {}))
    if len(channels) != 1:
        raise UserError(
            f"{path / 'dataset.json'}: the network takes {len(channels)} channels; a cine has one. Name a "
            "folder of a network that was trained on cine images alone."
        )
    labels = structure_labels(dataset.get("labels", {}), path / "dataset.json")
    fitting = [
        (view, structures)
        for known in (STRUCTURES, LABELS)
        for view, structures in known.items()
        if set(structures.values()) == set(labels)
    ]
    if not fitting:
        offered = "; ".join(f"{view}: {', '.join(each.values())}" for view, each in LABELS.items())
        raise UserError(
            f"{path / 'dataset.json'}: the labels {', '.join(sorted(labels)) or 'none'} are not the "
            f"structures of one view ({offered}); name a folder of a network that was trained on those."
        )
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", f"{plans.get('dataset_name', path.parent.name)}.{path.name}")
    return NnunetFolder(path, name, folds_of(path), labels, *fitting[0])


def _facts(path: Path) -> dict[str, Any]:
    """Content of a JSON file of the folder."""
    if not path.is_file():
        raise UserError(
            f"{path}: is missing; a model folder of nnU-Net holds dataset.json, plans.json and "
            f"fold_*/{CHECKPOINT}. Name the folder of the trainer, not the one above it or a fold."
        )
    try:
        found = read_json(path)
    except (OSError, json.JSONDecodeError, UnicodeDecodeError) as fault:
        raise UserError(f"{path}: cannot be read as JSON ({fault}); copy the folder again.") from fault
    if not isinstance(found, dict):
        raise UserError(f"{path}: holds no facts of nnU-Net; copy the folder again.")
    return found


def folds_of(path: Path) -> tuple[str, ...]:
    """Trained folds of a folder: the numbered ones, else the one of all data; as nnU-Net chooses them.

    Raises
    ------
    UserError
        If none is there.
    """
    trained = {found.parent.name.removeprefix("fold_") for found in path.glob(f"fold_*/{CHECKPOINT}")}
    numbered = sorted(fold for fold in trained if fold.isdigit())
    if not numbered and "all" not in trained:
        raise UserError(
            f"{path}: holds no fold_*/{CHECKPOINT}; let nnU-Net finish its training, or copy the folder "
            "again."
        )
    return tuple(numbered) or ("all",)


def structure_labels(labels: Any, source: Path) -> dict[str, int]:
    """Structure to label, from the names that ``dataset.json`` gives its labels.

    Raises
    ------
    UserError
        If a name is unknown, two names are of the same structure, or labels are regions that overlap.
    """
    if not isinstance(labels, dict):
        raise UserError(f"{source}: its labels are no list of names and numbers; copy the folder again.")
    found: dict[str, int] = {}
    for name, label in labels.items():
        if name.lower() in NOT_STRUCTURES:
            continue
        if not isinstance(label, int):
            raise UserError(
                f"{source}: {name!r} stands for {label!r}, not for one label: a region of several, or a file "
                "of nnU-Net's first version. Name a folder of nnU-Net v2 that was trained on single labels."
            )
        letters = re.sub(r"[^a-z]", "", name.lower())
        structure = next((each for each, names in LABEL_NAMES.items() if letters in names), None)
        if structure is None or structure in found:
            known = ", ".join(LABEL_NAMES)
            raise UserError(
                f"{source}: the label {name!r} "
                + ("is not known" if structure is None else f"is a second {structure}")
                + f"; call each label by what it is ({known}) in that file."
            )
        found[structure] = label
    return found


def folder_digest(folder: NnunetFolder) -> str:
    """Digest of what a result of the folder rests on: both JSON files and the checkpoints of the folds."""
    files = ["dataset.json", "plans.json", *(f"fold_{fold}/{CHECKPOINT}" for fold in folder.folds)]
    return digest_json({name: _digest(folder.path / name) for name in files})


def _digest(path: Path) -> str:
    """Digest of a file; large ones are read once in a process, unless they change."""
    facts = path.stat()
    return _digest_of(path, facts.st_size, facts.st_mtime_ns)


@lru_cache
def _digest_of(path: Path, size: int, changed: int) -> str:
    return digest_file(path)
