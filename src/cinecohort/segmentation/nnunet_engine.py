"""Networks of nnU-Net v2 in the segmentation: their own reading, scaling, tiling and averaging of folds.

nnU-Net takes stacks (1, z, y, x) with their spacing in that order, as its reader of NIfTI files gives them,
and gives probabilities of its labels on the same grid (Isensee 2021, doi:10.1038/s41592-020-01008-z).
"""

import importlib.util
import io
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import torch
from torch import Tensor

from cinecohort.errors import UserError, is_machine_fault
from cinecohort.segmentation.engines import ResolvedEngine, resolve_engine
from cinecohort.segmentation.inference import ImageInference
from cinecohort.segmentation.nnunet_folders import CHECKPOINT, NnunetFolder, read_folder
from cinecohort.segmentation.options import SegmentationOptions, unfit_for_nnunet
from cinecohort.segmentation.symmetries import AS_IT_IS, Symmetry

ENGINE = "nnunetv2"


def engine_of(options: SegmentationOptions) -> ResolvedEngine:
    """What a model folder runs on: torch within nnU-Net, half precision on a GPU, as nnU-Net chooses it.

    Raises
    ------
    UserError
        If nnU-Net is not installed, or the configuration pins what it does not do.
    """
    if importlib.util.find_spec(ENGINE) is None:
        raise UserError(
            "a model folder of nnU-Net is named, but nnunetv2 is not installed here; "
            'install it with `pip install "cinecohort[nnunet]"`.'
        )
    device = resolve_engine(options.model_copy(update={"engine": "torch", "precision": "auto"})).device
    precision = "fp16" if device == "cuda" else "fp32"
    for sentence in unfit_for_nnunet(options).values():
        raise UserError(sentence)
    if options.precision not in ("auto", precision):
        raise UserError(f"nnU-Net computes in {precision} on {device}; set precision: auto.")
    return ResolvedEngine(ENGINE, precision, device)


def make_predictor(folder: NnunetFolder, device: str, mirrored: bool) -> Any:
    """nnU-Net's own predictor with the networks of a folder; what it prints is dropped."""
    with redirect_stdout(io.StringIO()):
        from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor

        predictor = nnUNetPredictor(
            use_mirroring=mirrored,
            perform_everything_on_device=device == "cuda",
            device=torch.device(device),
            allow_tqdm=False,
        )
        predictor.initialize_from_trained_model_folder(
            str(folder.path), use_folds=folder.folds, checkpoint_name=CHECKPOINT
        )
    return predictor


class NnunetNetwork:
    """A model folder that is ready to segment stacks.

    Parameters
    ----------
    weights
        ``nnunet:`` and the folder.
    options
        Device, and whether to average over mirrored images.
    threads
        CPU threads; torch's own choice where None.

    Raises
    ------
    UserError
        If nnU-Net is not installed or cannot load the folder, or the network needs that of another stage.
    """

    def __init__(self, weights: str, options: SegmentationOptions, threads: int | None = None) -> None:
        self.engine = engine_of(options)
        if threads is not None:
            torch.set_num_threads(threads)
        folder = read_folder(weights)
        mirrored = options.test_time_augmentation == "flips"
        try:
            self.predictor = make_predictor(folder, self.engine.device, mirrored)
        except Exception as fault:
            if is_machine_fault(fault):
                raise
            raise UserError(
                f"{folder.path}: nnU-Net cannot load it ({type(fault).__name__}: {fault}); check that its "
                "version, and trainers of your own, are those that the folder was made with."
            ) from fault
        if self.predictor.configuration_manager.previous_stage_name is not None:
            raise UserError(
                f"{folder.path}: is the second stage of a cascade, which needs the labels of the first; name "
                "a folder of a 2d or 3d_fullres configuration."
            )
        self.labels = [folder.labels[name] for name in folder.structures.values()]
        self.facts: dict[str, Any] = {
            "by": "nnU-Net v2",
            "version": version_of(ENGINE),
            "folder": folder.name,
            "trainer": self.predictor.trainer_name,
            "folds": list(folder.folds),
            "labels": folder.labels,
        }

    def __call__(self, images: Tensor, spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> Tensor:
        """Return probabilities of a stack.

        Parameters
        ----------
        images
            (slices, x, y), the intensities of the image.
        spacing_mm
            Along x, y and from slice to slice.

        Returns
        -------
        torch.Tensor
            (slices, structures, x, y), float32; what is missing to 1 is that of all else.
        """
        stack = np.ascontiguousarray(images.numpy().transpose(0, 2, 1)[None], dtype=np.float32)
        properties = {"spacing": [float(size) for size in reversed(spacing_mm)]}
        with redirect_stdout(io.StringIO()):
            _, found = self.predictor.predict_single_npy_array(stack, properties, None, None, True)
        chosen = np.asarray(found, dtype=np.float32)[self.labels]
        return torch.from_numpy(np.ascontiguousarray(chosen.transpose(1, 0, 3, 2)))


def version_of(package: str) -> str | None:
    """Installed version of a package, None where it states none."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


class NnunetInference(ImageInference):
    """An image on its way through a network of nnU-Net: whole stacks, one frame after the other."""

    network: NnunetNetwork

    def probabilities(
        self, frames: Sequence[int], symmetry: Symmetry = AS_IT_IS
    ) -> Iterator[tuple[list[int], Tensor]]:
        """See :meth:`cinecohort.segmentation.inference.ImageInference.probabilities`: a frame at a time."""
        along_x, along_y, along_z = self.image.spacing_mm
        if symmetry.quarter_turns % 2:
            along_x, along_y = along_y, along_x
        for frame in frames:
            indices = [frame * self.n_slices + index for index in range(self.n_slices)]
            stack = self.slices[indices].astype(np.float32)
            stack[~np.isfinite(stack)] = self.limits[0]
            turned = symmetry.apply(torch.from_numpy(stack)[:, None])[:, 0]
            yield indices, symmetry.undo(self.network(turned, (along_x, along_y, along_z)))
