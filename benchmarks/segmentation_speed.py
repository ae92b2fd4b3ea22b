"""Speed of segmentation, file to file, against the same network run the usual way.

One subject of 10 slices x 50 frames is read, segmented in all frames and written; the model is loaded.
The usual way is fp32 in torch, one frame at a time on whole images, with reading (nibabel) and writing in
line. What segments whole images may be timed on the first frames only (``--whole-frames``) and multiplied:
frames do not depend on each other there. Wall time is what a user waits for on a quiet machine; processor
time with one thread hardly depends on what else the machine does, with more it counts waiting too. Shards of
several sizes in fresh processes show whether peak memory grows with the shard. Ways that the machine cannot
run (bf16, a GPU) are left out. How long the image alone takes to unzip is the limit of any way. Writes
``benchmarks/segmentation_speed.md`` and keeps what stands there under "Other machines"::

    python benchmarks/segmentation_speed.py [IMAGE.nii.gz] [--threads 2]

Without an image, that of the first phantom subject is taken (``cinecohort phantom --layout nifti --subjects
1 --frames 50 --seed 1``). An image may have any number of slices and frames: slices beyond the tenth are left
out and frames repeated.
"""

import argparse
import gzip
import os
import platform
import re
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import nibabel as nib
import numpy as np
import torch

from cinecohort.cli import main as cinecohort
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
from cinecohort.segmentation.processors import this_processor
from cinecohort.segmentation.weights import load_model

HERE = Path(__file__).parent
SLICES, FRAMES = 10, 50
OTHER_MACHINES = "## Other machines"


def make_subject(image: Path, folder: Path, frames: int = FRAMES) -> None:
    """Write a subject of 10 slices from any cine."""
    source = read_image(image)
    repeats = -(-frames // source.data.shape[3])
    data = np.concatenate([source.data[:, :, :SLICES]] * repeats, axis=3)[..., :frames]
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
        return f"{self.wall:.1f} ({self.processor:.1f})"


def timed(work: Callable[[], object]) -> Time:
    """Time of one run."""
    start, processor = time.perf_counter(), time.process_time()
    work()
    return Time(time.perf_counter() - start, time.process_time() - processor)


class Shard(NamedTuple):
    """What a shard took in a process of its own, loading included."""

    time: Time
    memory_gib: float


def run_shard(folders: list[Path], model: ModelOptions, options: SegmentationOptions, threads: int) -> Shard:
    """Segment a shard in a fresh process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_segment_and_measure, folders, model, options, threads).result()


def _segment_and_measure(
    folders: list[Path], model: ModelOptions, options: SegmentationOptions, threads: int
) -> Shard:
    spent = timed(lambda: segment(folders, model, options, threads))
    return Shard(spent, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2)


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


def time_by_part(
    folder: Path, loaded: prediction.LoadedModel, options: SegmentationOptions
) -> tuple[Time, dict[str, Time]]:
    """Time of one subject and of its parts; the network's by the size of its images."""
    parts: dict[str, Time] = {}

    def counted(name: str, work: Callable[[], Any]) -> Any:
        start, processor = time.perf_counter(), time.process_time()
        result = work()
        before = parts.get(name, Time(0.0, 0.0))
        wall, spent = time.perf_counter() - start, time.process_time() - processor
        parts[name] = Time(before.wall + wall, before.processor + spent)
        return result

    def network(images: torch.Tensor) -> torch.Tensor:
        size = " x ".join(map(str, images.shape[-2:]))
        return counted(f"network, images of {size}", lambda: loaded.network(images))

    watched = replace(loaded, network=network)
    start = Time(time.perf_counter(), time.process_time())
    subject = counted("reading", lambda: prediction.read_subject(folder, "sa"))
    segmented = counted("rest", lambda: prediction.run_network(subject, watched, options))
    counted("clean-up and writing", lambda: prediction.finish(segmented, watched, options, "sa", loaded.name))
    spent = Time(time.perf_counter() - start.wall, time.process_time() - start.processor)
    networks = [part for name, part in parts.items() if name.startswith("network")]
    rest = parts.pop("rest")
    parts["resampling to the network's grid and back, labels"] = Time(
        rest.wall - sum(part.wall for part in networks),
        rest.processor - sum(part.processor for part in networks),
    )
    return spent, parts


def phantom_image(folder: Path) -> Path:
    """Write the phantom subject and return its short-axis image."""
    settings = ["--layout", "nifti", "--subjects", "1", "--frames", "50", "--seed", "1"]
    if cinecohort(["phantom", str(folder), *settings]):
        raise SystemExit("no phantom could be written")
    return next(folder.glob("*/sa.nii.gz"))


class Way(NamedTuple):
    """A way of segmenting a subject, and what it took."""

    name: str
    spent: Time
    labels: Path
    parts: dict[str, Time]


def run_way(
    name: str, options: SegmentationOptions, folder: Path, arguments: argparse.Namespace, times: float = 1
) -> Way:
    """Segment a subject `--repeats` times; the shortest counts, multiplied."""
    model = ModelOptions(name=re.sub(r"\W+", "_", name), weights=arguments.model)
    loaded = prediction.load(model, options, "sa", arguments.threads)
    runs = [time_by_part(folder, loaded, options) for _ in range(arguments.repeats)]
    spent, parts = min(runs, key=lambda run: run[0].processor)
    print(name, spent, flush=True)
    spent = Time(spent.wall * times, spent.processor * times)
    return Way(name, spent, segmentation_path(folder, "sa", model.name), parts)


def line_of(way: Way, usual: Time, reference: Path | None) -> str:
    """Row of a way in the table."""
    factor = f"{usual.wall / way.spent.wall:.1f} ({usual.processor / way.spent.processor:.1f})"
    overlap = "" if reference is None else " / ".join(f"{value:.4f}" for value in dice(way.labels, reference))
    return f"| {way.name} | {way.spent} | {factor} | {overlap} |"


def lines_of_parts(way: Way, unzipping: Time) -> list[str]:
    """Where the time of a way goes."""
    return [
        f"Where the time goes, {way.name}; unzipping is {unzipping.wall / way.spent.wall:.0%} of it:",
        "",
        "| | s |",
        "|---|---|",
        *(f"| {name} | {part.wall:.2f} ({part.processor:.2f}) |" for name, part in way.parts.items()),
        "",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("image", type=Path, nargs="?")
    parser.add_argument("--model", default=DEFAULT_MODELS["sa"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=2, help="the shortest counts")
    parser.add_argument("--whole-frames", type=int, default=FRAMES, help="that are timed in whole images")
    parser.add_argument("--shards", type=int, nargs="+", default=[2, 6], help="sizes for time and memory")
    parser.add_argument("--out", type=Path, default=HERE / "segmentation_speed.md")
    arguments = parser.parse_args()
    command = " ".join(["python", "benchmarks/segmentation_speed.py", *sys.argv[1:]])
    torch.set_num_threads(arguments.threads)
    network, description = load_model(arguments.model)
    off = CleanUpOptions(largest_component=False, fill_holes=False)
    whole_images = SegmentationOptions(
        engine="mnn", precision="fp32", device="cpu", heart_region_margin_mm=None, clean_up=off
    )
    ways = {
        f"{engine} {precision}, the heart's region": SegmentationOptions(
            engine=engine.lower(), precision=precision, device="cpu"
        )
        for engine, precision in product(("MNN", "OpenVINO", "torch"), ("fp32", "bf16"))
    }
    if description.activation_ranges:
        ways["OpenVINO int8, the heart's region"] = SegmentationOptions(
            engine="openvino", precision="int8", device="cpu"
        )
    ways["MNN fp32, a region of 12 mm margin"] = ways["MNN fp32, the heart's region"].model_copy(
        update={"heart_region_margin_mm": 12.0}
    )
    ways["torch bf16 on the GPU, the heart's region"] = SegmentationOptions(
        engine="torch", precision="bf16", device="cuda"
    )
    model = ModelOptions(name="shard", weights=arguments.model)
    default = SegmentationOptions()
    with tempfile.TemporaryDirectory() as temporary:
        image = arguments.image or phantom_image(Path(temporary) / "phantom")
        folders = [Path(temporary) / f"S{number}" for number in range(max(arguments.shards))]
        for folder in folders:
            make_subject(image, folder)
        shape = read_image(folders[0] / "sa.nii.gz").data.shape
        unzipping = timed(lambda: gzip.decompress((folders[0] / "sa.nii.gz").read_bytes()))
        runs = [
            run_way(name, options, folders[0], arguments)
            for name, options in ways.items()
            if can_run(options)
        ]
        short = Path(temporary) / "short"
        make_subject(image, short, arguments.whole_frames)
        times = FRAMES / arguments.whole_frames
        whole = run_way("MNN fp32, whole images, no clean-up", whole_images, short, arguments, times)
        usual = timed(
            lambda: the_usual_way(short, network, description.spacing_mm or 1.0, description.neighbours)
        )
        usual = Time(usual.wall * times, usual.processor * times)
        table = [
            "| way | one subject, s | times faster | Dice, LV / MYO / RV |",
            "|---|---|---|---|",
            f"| the usual way: torch fp32, a frame at a time, whole images | {usual} | 1 | |",
            line_of(whole, usual, short / "seg_usual_sa.nii.gz"),
            *(line_of(run, usual, runs[0].labels if run is not runs[0] else None) for run in runs),
        ]
        print("\n".join(table), flush=True)
        shards = {
            size: run_shard(folders[:size], model, default, arguments.threads) for size in arguments.shards
        }
    shown = [runs[0], *(run for run in runs[1:] if "GPU" in run.name)]
    lines = [
        "# Speed of segmentation",
        "",
        f"`{command}`: a cine of {' x '.join(map(str, shape))} voxels, file to file, model loaded. Wall",
        "time, in brackets processor time of all threads, which the cores of a quiet machine share.",
        f"Weights: {arguments.model}. {processor()}, {os.cpu_count()} cores, "
        f"{'with' if this_processor().has_bf16 else 'without'} bf16 instructions; "
        f"Python {platform.python_version()},",
        f"torch {torch.__version__}. Load average {os.getloadavg()[0]:.1f} at the end (if that is",
        "above the number of cores, other work ran beside it, and wall times are too long).",
        "",
        *table,
        "",
        f"Dice: of whole images with the usual way; of the others with {runs[0].name}.",
        f"Whole images: timed on {arguments.whole_frames} frames and multiplied by {times:g}.",
        "",
        f"Unzipping the image alone takes {unzipping.wall:.2f} s on one core.",
        "",
        *(line for run in shown for line in lines_of_parts(run, unzipping)),
        "Shards in processes of their own, loading included:",
        "",
        "| subjects | s a subject | peak memory, GiB |",
        "|---|---|---|",
        *(
            f"| {size} | {Time(shard.time.wall / size, shard.time.processor / size)} "
            f"| {shard.memory_gib:.2f} |"
            for size, shard in shards.items()
        ),
        "",
    ]
    before = arguments.out.read_text() if arguments.out.is_file() else ""
    kept = before[before.index(OTHER_MACHINES) :] if OTHER_MACHINES in before else ""
    arguments.out.write_text("\n".join(lines) + (f"\n{kept}" if kept else ""))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
