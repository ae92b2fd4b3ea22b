"""MNN on the processor: 3 x 3 convolutions by Winograd's algorithm, the fastest in fp32 without bf16.

It rounds more coarsely than a direct sum: probabilities differ from those of the other engines by up to 1e-3.
"""

import ctypes
import importlib.util
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn


def has_mnn() -> bool:
    """Whether MNN and what converts a network for it are installed."""
    return all(importlib.util.find_spec(name) is not None for name in ("MNN", "onnx"))


@contextmanager
def silent_output() -> Iterator[None]:
    """Drop what libraries print from C, past Python's ``sys.stdout``: MNN reports its conversion there."""
    libc = ctypes.CDLL(None)
    sys.stdout.flush()
    libc.fflush(None)
    kept = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
    finally:
        libc.fflush(None)
        os.dup2(kept, 1)
        os.close(nowhere)
        os.close(kept)


def write_mnn(module: nn.Module, channels: int, folder: Path) -> Path:
    """Convert a network to MNN's format.

    Parameters
    ----------
    module
        From images (batch, channels, x, y) to (batch, classes, x, y), in evaluation mode.
    channels
        Channels of an image.
    folder
        Where the file is written.

    Raises
    ------
    RuntimeError
        If MNN could not convert it.
    """
    # Not MNN.tools.mnnconvert: that module's imports install a package and report to its makers.
    import _tools

    exported, converted = folder / "network.onnx", folder / "network.mnn"
    axes = {0: "batch", 2: "x", 3: "y"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # The exporter is deprecated, and torch is pinned.
        torch.onnx.export(
            module,
            (torch.zeros(2, channels, 64, 64),),
            str(exported),
            dynamo=False,
            input_names=["images"],
            output_names=["probabilities"],
            dynamic_axes={"images": axes, "probabilities": axes},
        )
    arguments = ["-f", "ONNX", "--modelFile", str(exported), "--MNNModel", str(converted), "--bizCode", "-"]
    _tools.mnnconvert(["mnnconvert", *arguments])
    if not converted.is_file():
        raise RuntimeError("the network could not be converted")
    return converted


class MnnLane:
    """A network that one thread runs, image by image.

    MNN's choice of a convolution's tiles, and with it the last digit, depends on threads and batch; one
    image in one thread gives the same numbers whatever there is of both.
    """

    def __init__(self, model: Path) -> None:
        import MNN

        self.mnn = MNN
        self.interpreter = MNN.Interpreter(str(model))
        self.session = self.interpreter.createSession({"numThread": 1, "precision": "high"})
        self.input = self.interpreter.getSessionInput(self.session)

    def tensor(self, values: NDArray[np.float32]) -> Any:
        """A tensor of MNN's on the host, with the shape and values given."""
        mnn = self.mnn
        return mnn.Tensor(values.shape, mnn.Halide_Type_Float, values, mnn.Tensor_DimensionType_Caffe)

    def probabilities(self, images: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Return probabilities (classes, x, y) for each of the images (batch, channels, x, y)."""
        return [self.of_one(np.ascontiguousarray(images[place : place + 1])) for place in range(len(images))]

    def of_one(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the probabilities (classes, x, y) for an image (1, channels, x, y)."""
        if tuple(self.input.getShape()) != image.shape:
            self.interpreter.resizeTensor(self.input, image.shape)
            self.interpreter.resizeSession(self.session)
        self.input.copyFrom(self.tensor(image))
        self.interpreter.runSession(self.session)
        output = self.interpreter.getSessionOutput(self.session)
        result = self.tensor(np.empty(output.getShape(), dtype=np.float32))
        output.copyToHostTensor(result)
        return np.array(result.getNumpyData()[0])


class MnnNetwork:
    """A network for a batch of images: each thread has a lane and takes its share of them.

    Parameters
    ----------
    module
        From images (batch, channels, x, y) to probabilities (batch, classes, x, y), in evaluation mode.
    channels
        Channels of an image.
    threads
        CPU threads; as many as torch would use where None.

    Raises
    ------
    ImportError, RuntimeError
        If MNN does not work or cannot run this network.
    """

    def __init__(self, module: nn.Module, channels: int, threads: int | None = None) -> None:
        with tempfile.TemporaryDirectory() as folder, silent_output():
            model = write_mnn(module, channels, Path(folder))
            self.lanes = [MnnLane(model) for _ in range(threads or torch.get_num_threads())]
        self.pool = ThreadPoolExecutor(len(self.lanes))

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """Return the class probabilities of images (batch, channels, x, y), float32."""
        shares = [images.numpy()[place :: len(self.lanes)] for place in range(len(self.lanes))]
        done = list(self.pool.map(MnnLane.probabilities, self.lanes, shares))
        ordered = [done[place % len(done)][place // len(done)] for place in range(len(images))]
        return torch.from_numpy(np.stack(ordered))
