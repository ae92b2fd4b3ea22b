"""Speed of segmentation, file to file, against the same network run the usual way.

One subject of 10 slices x 50 frames is read, segmented in all frames and written; models are loaded and warm.
The usual way is fp32 in torch, one frame at a time on the whole field of view, with reading (nibabel) and
writing in line. Wall time is what a user waits for on a quiet machine; processor time (of all threads) hardly
depends on what else the machine does. Peak memory is taken after shards of two sizes, which shows whether it
grows with the shard. Ways that the processor cannot run (bf16) are left out. Writes
``benchmarks/segmentation_speed.md``::

    python benchmarks/segmentation_speed.py IMAGE.nii.gz [--threads 2]

The image may have any number of slices and frames: slices beyond the tenth are left out and frames repeated.
"""

import argparse
import os
import platform
import resource
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import nibabel as nib
import numpy as np
import torch

from cinecohort.errors import UserError
from cinecohort.images import Image, read_image, write_image
from cinecohort.label_maps import segmentation_path
from cinecohort.segmentation import prediction
from cinecohort.segmentation.descriptions import DEFAULT_MODELS
from cinecohort.segmentation.engines import resolve_engine
from cinecohort.segmentation.networks import SIZE_MULTIPLE
from cinecohort.segmentation.options import CleanUpOptions, ModelOptions, SegmentationOptions
from cinecohort.segmentation.preprocessing import (
    WorkingGrid,
    intensity_range,
    neighbouring,
    unit_intensity,
)
from cinecohort.segmentation.weights import load_model

HERE = Path(__file__).parent
SLICES, FRAMES = 10, 50


def make_subject(image: Path, folder: Path) -> None:
    """Write a subject of 10 slices and 50 frames from any cine."""
    source = read_image(image)
    repeats = -(-FRAMES // source.data.shape[3])
    data = np.concatenate([source.data[:, :, :SLICES]] * repeats, axis=3)[..., :FRAMES]
    write_image(folder / "sa.nii.gz", Image(np.asfortranarray(data), source.affine, 0.02))


def the_usual_way(folder: Path, network: torch.nn.Module, spacing_mm: float, neighbours: int) -> None:
    """Segment frame by frame in fp32, everything in line."""
    nifti = nib.load(folder / "sa.nii.gz")
    data = np.asarray(nifti.dataobj)
    spacing = tuple(float(zoom) for zoom in nifti.header.get_zooms()[:2])
    grid = WorkingGrid(data.shape[:2], (spacing[0], spacing[1]), spacing_mm, SIZE_MULTIPLE)
    limits = intensity_range(data)
    labels = np.zeros(data.shape, dtype=np.uint8)
    seen = torch.tensor([neighbouring(index, data.shape[2], neighbours) for index in range(data.shape[2])])
    for frame in range(data.shape[3]):
        stack = torch.from_numpy(unit_intensity(data[..., frame].transpose(2, 0, 1), limits))
        with torch.inference_mode():
            probabilities = network(grid.to_working(stack)[seen]).softmax(dim=1)
        labels[..., frame] = grid.to_native(probabilities).argmax(dim=1).permute(1, 2, 0).numpy()
    nib.save(nib.Nifti1Image(labels, nifti.affine), folder / "seg_usual_sa.nii.gz")


class Time(NamedTuple):
    """Seconds that something took."""

    wall: float
    processor: float

    def __str__(self) -> str:
        return f"{self.wall:.2f} ({self.processor:.1f})"


def timed(work: Callable[[], object]) -> Time:
    """Time of one run."""
    start, processor = time.perf_counter(), time.process_time()
    work()
    return Time(time.perf_counter() - start, time.process_time() - processor)


def best_of(repeats: int, work: Callable[[], object]) -> Time:
    """Shortest wall time, shortest processor time."""
    times = [timed(work) for _ in range(repeats)]
    return Time(min(one.wall for one in times), min(one.processor for one in times))


def peak_memory_gib(
    folders: list[Path], model: ModelOptions, options: SegmentationOptions, threads: int
) -> float:
    """Most memory of a fresh process that segments a shard."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_segment_and_measure, folders, model, options, threads).result()


def _segment_and_measure(
    folders: list[Path], model: ModelOptions, options: SegmentationOptions, threads: int
) -> float:
    segment(folders, model, options, threads)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def can_run(options: SegmentationOptions) -> bool:
    """Whether this machine has the engine and the precision."""
    try:
        resolve_engine(options)
    except UserError as error:
        print(error)
        return False
    return True


def dice(first: Path, second: Path) -> list[float]:
    """3D + t Dice of LV, MYO and RV between two label maps."""
    a, b = read_image(first).data, read_image(second).data
    return [
        2 * float(((a == k) & (b == k)).sum()) / max(1, int((a == k).sum() + (b == k).sum()))
        for k in (1, 2, 3)
    ]


def processor() -> str:
    """Name of the processor, where Linux tells it."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def segment(folders: list[Path], model: ModelOptions, options: SegmentationOptions, threads: int) -> None:
    """Segment a shard; every subject must come out."""
    outcomes = list(prediction.segment_subjects(folders, model, options, "sa", model.name, threads))
    assert all(outcome.outputs for _, outcome in outcomes)


def time_way(
    name: str, options: SegmentationOptions, arguments: argparse.Namespace, folders: list[Path]
) -> tuple[Time, Time, Path]:
    """Time of one subject, of a subject in a shard, and the label map of the first subject."""
    model = ModelOptions(name=name, weights=arguments.model)
    loaded = prediction.load(model, options, "sa", arguments.threads)
    assert loaded is not None

    def one_subject() -> None:
        subject = prediction.read_subject(folders[0], "sa")
        segmented = prediction.run_network(subject, loaded, options)
        prediction.finish(segmented, loaded, options, "sa", model.name)

    one_subject()
    alone = best_of(arguments.repeats, one_subject)
    part = folders[: min(arguments.shards)]
    shard = timed(lambda: segment(part, model, options, arguments.threads))
    path = segmentation_path(folders[0], "sa", model.name)
    return alone, Time(shard.wall / len(part), shard.processor / len(part)), path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("image", type=Path)
    parser.add_argument("--model", default=DEFAULT_MODELS["sa"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--usual-repeats", type=int, help="of the usual way (default: as many)")
    parser.add_argument("--shards", type=int, nargs="+", default=[3, 12], help="sizes for time and memory")
    parser.add_argument("--ways", nargs="+", help="only these")
    parser.add_argument("--out", type=Path, default=HERE / "segmentation_speed.md")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    network, description = load_model(arguments.model)
    off = CleanUpOptions(largest_component=False, fill_holes=False)
    ways = {
        "OpenVINO bf16": SegmentationOptions(engine="openvino", precision="bf16"),
        "OpenVINO, whole field of view, no clean-up": SegmentationOptions(
            engine="openvino", locate=False, clean_up=off
        ),
        "OpenVINO fp32": SegmentationOptions(engine="openvino", precision="fp32"),
        "torch bf16": SegmentationOptions(engine="torch", precision="bf16"),
        "torch fp32": SegmentationOptions(engine="torch", precision="fp32"),
    }
    chosen = arguments.ways or list(ways)
    ways = {name: options for name, options in ways.items() if name in chosen and can_run(options)}
    with tempfile.TemporaryDirectory() as temporary:
        folders = [Path(temporary) / f"S{number}" for number in range(max(arguments.shards))]
        for folder in folders:
            make_subject(arguments.image, folder)
        shape = read_image(folders[0] / "sa.nii.gz").data.shape
        rows = [
            (name, *time_way(f"way{number}", options, arguments, folders))
            for number, (name, options) in enumerate(ways.items())
        ]
        usual = best_of(
            arguments.usual_repeats or arguments.repeats,
            lambda: the_usual_way(folders[0], network, description.spacing_mm or 1.0, description.neighbours),
        )
        reference = segmentation_path(folders[0], "sa", f"way{len(ways) - 1}")
        table = [
            f"| way | one subject, s | in a shard of {min(arguments.shards)}, s a subject | times faster | "
            f"Dice with {list(ways)[-1]} |",
            "|---|---|---|---|---|",
            f"| the usual way | {usual} | {usual} | 1 | |",
        ]
        for name, alone, shard, path in rows:
            agreement = " / ".join(f"{value:.4f}" for value in dice(path, reference))
            factor = f"{usual.wall / alone.wall:.1f} ({usual.processor / alone.processor:.1f})"
            table.append(f"| {name} | {alone} | {shard} | {factor} | {agreement} |")
        model = ModelOptions(name="memory", weights=arguments.model)
        peaks = [
            f"{peak_memory_gib(folders[:size], model, next(iter(ways.values())), arguments.threads):.2f} GiB "
            f"for a shard of {size}"
            for size in sorted(arguments.shards)
        ]
    lines = [
        "# Speed of segmentation",
        "",
        f"`python benchmarks/segmentation_speed.py IMAGE --threads {arguments.threads}`: a cine of",
        f"{' x '.join(map(str, shape))} voxels, file to file, model loaded, best of {arguments.repeats}.",
        "Wall time, in brackets processor time of all threads; the shard's time includes loading the model.",
        f"Weights: {description.name}.",
        f"{processor()}, {os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f} at the end,",
        f"Python {platform.python_version()}, torch {torch.__version__}.",
        "",
        *table,
        "",
        f"Peak memory of a process that segments with {next(iter(ways))}: {', '.join(peaks)}.",
    ]
    arguments.out.write_text("\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
