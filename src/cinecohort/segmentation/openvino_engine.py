"""OpenVINO on the processor: the fastest engine where bf16 or wide AVX-512 is."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

IMAGES_AT_ONCE = 4
"""Images that one thread takes together: more would leave the cache, fewer cost more calls."""

PRECISION_HINTS = {"bf16": "bf16", "fp32": "f32", "int8": "f32"}
"""OpenVINO's names for the arithmetic, in int8 for that of the layers that are not in integers: in fp32, so
that every processor gives the same numbers."""


class OpenvinoNetwork:
    """A network for a batch of images: each thread takes some of them, and they wait for none of its layers.

    The probabilities of an image depend neither on the threads nor on what shares its batch.

    Parameters
    ----------
    module
        From images (batch, channels, x, y) to probabilities (batch, classes, x, y), in evaluation mode.
    channels
        Channels of an image.
    precision
        ``bf16``, ``fp32``, or ``int8`` for a :func:`cinecohort.segmentation.quantisation.quantised` network.
    threads
        CPU threads; as many as torch would use where None.
    """

    def __init__(self, module: nn.Module, channels: int, precision: str, threads: int | None = None) -> None:
        import openvino

        example = torch.zeros(2, channels, 64, 64)
        # Traced here: torch's check of a trace, which OpenVINO asks for, imports a second's worth of modules.
        with torch.no_grad():
            traced = torch.jit.trace(module, example, check_trace=False)
        model = openvino.convert_model(traced, example_input=example)
        model.reshape([-1, channels, -1, -1])
        self.threads = threads or torch.get_num_threads()
        settings: dict[str, Any] = {
            "INFERENCE_PRECISION_HINT": PRECISION_HINTS[precision],
            "NUM_STREAMS": self.threads,
            "INFERENCE_NUM_THREADS": self.threads,
            # Else the jobs on a node all bind their threads to its first cores.
            "ENABLE_CPU_PINNING": False,
        }
        self.compiled = openvino.Core().compile_model(model, "CPU", settings)
        self.classes = self.compiled.output(0).partial_shape[1].get_length()
        self.queue = openvino.AsyncInferQueue(self.compiled, self.threads)
        self.queue.set_callback(self._keep)

    @staticmethod
    def _keep(request: Any, place: NDArray[np.float32]) -> None:
        place[...] = request.get_output_tensor(0).data

    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        """Return the class probabilities of images (batch, channels, x, y), float32."""
        given = np.ascontiguousarray(images.numpy())  # Kept until all are done: they are read where they are.
        result = np.empty((len(given), self.classes, *given.shape[2:]), dtype=np.float32)
        at_once = max(1, min(IMAGES_AT_ONCE, -(-len(images) // self.threads)))
        for start in range(0, len(given), at_once):
            part = slice(start, start + at_once)
            self.queue.start_async([given[part]], result[part], share_inputs=True)
        self.queue.wait_all()
        return torch.from_numpy(result)
