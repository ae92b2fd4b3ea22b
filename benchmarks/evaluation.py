"""Time of Dice, mean contour distance and Hausdorff distance for one subject, ours and MONAI's.

One subject is end-diastole and end-systole, 10 slices, LV, myocardium and RV, 208 x 162 pixels of 1.8 mm. Run
on one core::

    python benchmarks/evaluation.py            # needs the extra `benchmark`
"""

import argparse
import os
import platform
import time
import warnings
from collections.abc import Callable

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from cinecohort.evaluation.contours import contour_distances
from cinecohort.evaluation.overlap import overlap
from cinecohort.images import Image
from cinecohort.masks import fill_holes

SPACING = (1.8, 1.8, 10.0)


def heart(seed: int) -> np.ndarray:
    """Label map (x, y, z, t) of two frames with an observer's irregular borders."""
    random = np.random.default_rng(seed)
    x, y = np.meshgrid(np.arange(208.0), np.arange(162.0), indexing="ij")
    labels = np.zeros((208, 162, 10, 2), dtype=np.uint8)
    for frame, scale in enumerate((1.0, 0.7)):
        for z in range(10):
            centre = np.array([100.0, 80.0]) + random.normal(0, 0.8, 2)
            dx, dy = x - centre[0], y - centre[1]
            angle = np.arctan2(dy, dx)
            ripple = sum(
                random.normal(0, 0.5) * np.cos(k * angle + random.uniform(0, 6)) for k in range(2, 6)
            )
            inner = (6 + z) * scale + ripple
            outer = inner + 5 / scale
            radius = np.hypot(dx, dy)
            labels[..., z, frame][(radius < outer + 14) & (dx > 4) & (np.abs(dy) < 22)] = 3
            labels[..., z, frame][radius < outer] = 2
            labels[..., z, frame][radius < inner] = 1
    return labels


def by_monai(automatic: np.ndarray, manual: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Hausdorff and symmetric mean distance (slices, structures) and Dice, all slices in one batch."""
    import torch
    from monai.metrics import compute_average_surface_distance, compute_dice, compute_hausdorff_distance

    torch.set_num_threads(1)
    slices, volumes = (
        [torch.from_numpy(np.stack([labels == k for k in range(4)])) for labels in (automatic, manual)]
        for _ in range(2)
    )
    pair = [labels.permute(3, 4, 0, 1, 2).reshape(-1, 4, *labels.shape[1:3]) for labels in slices]
    hausdorff = compute_hausdorff_distance(*pair, spacing=list(SPACING[:2]))
    mean = compute_average_surface_distance(*pair, symmetric=True, spacing=list(SPACING[:2]))
    compute_dice(*(labels.permute(4, 0, 1, 2, 3) for labels in volumes), include_background=False)
    return hausdorff.numpy(), mean.numpy()


def best_time(work: Callable[[], object], repeats: int) -> float:
    """Shortest of several runs, in milliseconds, after one that is not counted."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1000 * min(times)


def filled(labels: np.ndarray) -> np.ndarray:
    """Label map with only the myocardium, its holes filled: what the external contour sees."""
    stack = (labels == 2).reshape(*labels.shape[:2], -1)
    return 2 * fill_holes(stack).reshape(labels.shape)


def largest_difference(automatic: np.ndarray, manual: np.ndarray) -> float:
    """Largest difference of a slice's Hausdorff distance from MONAI's, mm; both see the same contours."""
    worst = 0.0
    for label in (1, 2, 3):
        a, b = (filled(x) if label == 2 else x for x in (automatic, manual))
        theirs = by_monai(a, b)[0][:, label - 1]
        stacks = [(x == label).reshape(*x.shape[:2], -1) for x in (a, b)]
        ours = contour_distances(stacks[0], stacks[1], SPACING[:2])[1]
        worst = max(worst, float(np.abs(ours - theirs).max()))
    return worst


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    warnings.simplefilter("ignore")
    automatic, manual = heart(1), heart(2)
    images = [Image(labels, np.diag([*SPACING, 1.0])) for labels in (automatic, manual)]
    ours = best_time(lambda: overlap(*images, "sa", positions=False), repeats)
    with_positions = best_time(lambda: overlap(*images, "sa"), repeats)
    theirs = best_time(lambda: by_monai(automatic, manual), repeats)
    print(
        f"machine: {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, one used"
    )
    print(f"cinecohort                         {ours:8.1f} ms")
    print(f"cinecohort with slice positions    {with_positions:8.1f} ms")
    print(f"MONAI                              {theirs:8.1f} ms  ({theirs / ours:.0f} times ours)")
    print(
        f"largest difference of a slice's Hausdorff distance: {largest_difference(automatic, manual):.1e} mm"
    )


if __name__ == "__main__":
    main()
