"""Segment ED and ES of subjects with myopari's ACDC network; run in an environment of its own.

    python -m venv peers
    peers/bin/pip install onnxruntime scikit-image nibabel && peers/bin/pip install --no-deps myopari
    peers/bin/python benchmarks/peers/run_myopari.py FRAMES.json

``FRAMES.json`` is written by ``benchmarks/peers/compare.py``, which starts this: subjects' folders with the
frames to segment. Writes ``seg_myopari_sa.nii.gz`` and its sidecar into each, and prints the processor
seconds of reading, network and writing.
"""

import importlib
import importlib.util
import json
import sys
import time
import types
from pathlib import Path

import nibabel
import numpy as np

OURS = np.array([0, 3, 2, 1], dtype=np.uint8)
"""Its 1 is the RV, 3 the LV cavity."""


def network_module() -> types.ModuleType:
    """Its module of networks, without the windows that the package opens with."""
    spec = importlib.util.find_spec("myopari")
    if spec is None:
        raise SystemExit("myopari is not installed here; see the head of this file.")
    package = types.ModuleType("myopari")
    package.__path__ = list(spec.submodule_search_locations or [])
    sys.modules["myopari"] = package
    return importlib.import_module("myopari.processors.SEGProcessor")


def main() -> None:
    module = network_module()
    network = module.SEG_module()
    network.edge_device = module.EdgeDevice.RASBERRY_PI.value  # The processor, not a GPU.
    begun = time.process_time()
    for folder, frames in json.loads(Path(sys.argv[1]).read_text()).items():
        image = nibabel.load(Path(folder) / "sa.nii.gz")
        voxels = np.asarray(image.dataobj, dtype=np.float32)
        labels = np.zeros(voxels.shape, dtype=np.uint8)
        for frame in frames:
            labels[..., frame] = OURS[network.segment(voxels[..., frame])]
        path = Path(folder) / "seg_myopari_sa.nii.gz"
        nibabel.save(nibabel.Nifti1Image(labels, image.affine, image.header, dtype=np.uint8), path)
        sidecar = {"view": "sa", "model": "myopari", "frames": frames}
        path.with_name("seg_myopari_sa.json").write_text(json.dumps(sidecar))
    print(f"processor seconds: {time.process_time() - begun:.1f}")


if __name__ == "__main__":
    main()
