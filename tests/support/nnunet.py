"""A made-up model folder of nnU-Net v2, and a stand-in for the package with the calls that are used of it.

The stand-in is loud where it is not called as nnU-Net 2.8 has to be: stacks (1, z, y, x) in float32, the
spacing in that order, folds as in the folder.
"""

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

LABELS = {"background": 0, "RV": 1, "MLV": 2, "LVC": 3}
"""As nnU-Net's own conversion of ACDC names them; the order is not that of this software."""

INTENSITIES = {0: 20, 3: 200, 2: 60, 1: 180}
"""Of the made-up hearts of the segmentation's tests, by these labels."""


def write_folder(root: Path, labels: dict[str, Any] | None = None, **dataset: Any) -> Path:
    """Write a model folder; `dataset` changes facts of its ``dataset.json``."""
    folder = root / "Dataset027_ACDC" / "nnUNetTrainer__nnUNetPlans__2d"
    facts = {"channel_names": {"0": "cineMRI"}, "labels": labels or LABELS, "file_ending": ".nii.gz"}
    for fold in (0, 1):
        (folder / f"fold_{fold}").mkdir(parents=True)
        (folder / f"fold_{fold}" / "checkpoint_final.pth").write_bytes(b"weights %d" % fold)
    (folder / "dataset.json").write_text(json.dumps(facts | dataset))
    (folder / "plans.json").write_text(json.dumps({"dataset_name": "Dataset027_ACDC", "configurations": {}}))
    return folder


class Predictor:
    """Gives each voxel the label whose intensity is nearest, as probabilities that are nearly sure."""

    made: list["Predictor"] = []

    def __init__(self, *, use_mirroring: bool, perform_everything_on_device: bool, **other: Any) -> None:
        assert set(other) == {"device", "allow_tqdm"}
        print("perform_everything_on_device=True is only supported for cuda devices!")
        self.use_mirroring = use_mirroring
        self.stacks: list[tuple[tuple[int, ...], list[float]]] = []
        self.configuration_manager = SimpleNamespace(previous_stage_name=None)
        self.trainer_name = "nnUNetTrainer"
        self.made.append(self)

    def initialize_from_trained_model_folder(
        self, folder: str, use_folds: tuple[str, ...], checkpoint_name: str
    ) -> None:
        self.folds = use_folds
        for fold in use_folds:
            if (Path(folder) / f"fold_{fold}" / checkpoint_name).read_bytes() == b"damaged":
                raise RuntimeError("PytorchStreamReader failed")

    def predict_single_npy_array(
        self, stack: np.ndarray, properties: dict[str, list[float]], _: None, __: None, probabilities: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        assert stack.ndim == 4 and stack.shape[0] == 1 and stack.dtype == np.float32
        assert np.isfinite(stack).all()
        assert set(properties) == {"spacing"} and probabilities
        self.stacks.append((stack.shape[1:], properties["spacing"]))
        near = np.stack([abs(stack[0] - INTENSITIES[label]) for label in sorted(INTENSITIES)])
        labels = near.argmin(axis=0)
        return labels, np.where(np.arange(4)[:, None, None, None] == labels, 0.91, 0.03)


@pytest.fixture
def nnunet(monkeypatch: pytest.MonkeyPatch) -> type[Predictor]:
    """The stand-in, as if nnU-Net were installed."""
    monkeypatch.setattr(Predictor, "made", [])
    names = ("nnunetv2", "nnunetv2.inference", "nnunetv2.inference.predict_from_raw_data")
    modules = [ModuleType(name) for name in names]
    for name, module in zip(names, modules, strict=True):
        module.__spec__ = SimpleNamespace(name=name)  # type: ignore[assignment]
        module.__path__ = []
        monkeypatch.setitem(sys.modules, name, module)
    modules[-1].nnUNetPredictor = Predictor  # type: ignore[attr-defined]
    return Predictor
