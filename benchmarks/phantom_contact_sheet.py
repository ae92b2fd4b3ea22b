"""Contact sheet of phantoms, beside real hearts where there are some.

    python benchmarks/phantom_contact_sheet.py sheet.png [--subjects 1 5 11] [--real STORE_FOLDER ...]

One row per subject: short axis basal, mid and apical, then the 2-, 3- and 4-chamber view, at end-diastole;
below it the same at end-systole. ``--real`` takes folders as `cinecohort convert` writes them (views that are
missing stay black; end-systole is taken at 0.35 of the cycle). ``--layout dicom`` shows the hospitals'
scanners. A sheet with real hearts is for looking at, never for the repository.
"""

import argparse
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from scipy import ndimage

from cinecohort.images import read_image, voxel_spacing
from cinecohort.phantom.imaging import render
from cinecohort.phantom.options import PhantomOptions
from cinecohort.phantom.people import generator
from cinecohort.phantom.planning import Slice
from cinecohort.phantom.subject import make_subject

PIXEL_MM, FRAMES = 1.0, 12
Tile = NDArray[np.uint8]
VIEWS = ("sa", "sa", "sa", "la_2ch", "la_3ch", "la_4ch")


def tile(image: NDArray[np.float64], pixel_mm: float, centre: tuple[float, float], crop_mm: int) -> Tile:
    """Cut a square out of an image (rows, columns) around a pixel, at :data:`PIXEL_MM`."""
    side = int(crop_mm / PIXEL_MM)
    places = (np.indices((side, side)) - side / 2) * (PIXEL_MM / pixel_mm)
    places += np.array(centre)[:, None, None]
    cut = ndimage.map_coordinates(image, places, order=1)
    top = np.percentile(cut, 99.0)
    return np.clip(cut / max(top, 1e-6) * 255, 0, 255).astype(np.uint8)


def phantom_rows(number: int, layout: Literal["ukbiobank", "dicom"], crop_mm: int) -> list[Tile]:
    """Two rows (end-diastole, end-systole) of a phantom."""
    options = PhantomOptions(frames=FRAMES, faults=False, layout=layout)
    _, phantom, slices, scanner = make_subject(number, options)
    short = [image for image in slices if image.view == "sa"]
    chosen = [short[2], short[len(short) // 2], short[-3], *slices[-3:]]
    base = phantom.heart.ventricles.length_ed
    rows: list[list[Tile]] = [[], []]
    for image in chosen:
        frames = render(phantom, image, scanner.receiver, generator(1, number, 3)).astype(float)
        middle = np.array([-12.0, 0.0, 0.0] if image.view == "sa" else [-8.0, 0.0, 0.62 * base])
        centre = _pixel(image, phantom.pose.to_patient(middle))
        for row, frame in zip(rows, (0, phantom.heart.cycle.es_frame), strict=True):
            row.append(tile(frames[frame], image.pixel_mm, centre, crop_mm))
    return [np.hstack(row) for row in rows]


def _pixel(image: Slice, point: NDArray[np.float64]) -> tuple[float, float]:
    away = point - image.corner
    return float(away @ image.column) / image.pixel_mm, float(away @ image.row) / image.pixel_mm


def real_rows(folder: Path, crop_mm: int) -> list[Tile]:
    """Two rows of a converted real subject, cut around the middle of its images."""
    rows: list[list[Tile]] = [[], []]
    for place, view in enumerate(VIEWS):
        path = folder / f"{view}.nii.gz"
        side = int(crop_mm / PIXEL_MM)
        if not path.is_file():
            for row in rows:
                row.append(np.zeros((side, side), dtype=np.uint8))
            continue
        image = read_image(path)
        _, _, n_slices, n_frames = image.data.shape
        z = (max(n_slices - 3, 0), n_slices // 2, min(2, n_slices - 1))[place] if view == "sa" else 0
        moving = image.data[:, :, z].astype(float).std(axis=2)
        moving[moving < np.percentile(moving, 96)] = 0
        x, y = ndimage.center_of_mass(moving)
        for row, frame in zip(rows, (0, round(0.35 * n_frames) % n_frames), strict=True):
            frame_image = image.data[:, :, z, frame].astype(float).T
            row.append(tile(frame_image, voxel_spacing(image.affine)[0], (y, x), crop_mm))
    return [np.hstack(row) for row in rows]


def main() -> None:
    """Write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("sheet", type=Path)
    parser.add_argument("--subjects", type=int, nargs="*", default=[1, 2, 5, 11])
    parser.add_argument("--real", type=Path, nargs="*", default=[])
    parser.add_argument("--layout", choices=("ukbiobank", "dicom"), default="ukbiobank")
    parser.add_argument("--crop", type=int, default=200, help="side of each picture in mm")
    parser.add_argument("--small", action="store_true", help="fewer pixels and greys, for a repository")
    arguments = parser.parse_args()
    rows = [
        row for number in arguments.subjects for row in phantom_rows(number, arguments.layout, arguments.crop)
    ]
    rows += [row for folder in arguments.real for row in real_rows(folder, arguments.crop)]
    sheet = Picture.fromarray(np.vstack(rows))
    if arguments.small:
        sheet = sheet.resize((sheet.width * 7 // 10, sheet.height * 7 // 10), Picture.Resampling.BOX)
        sheet = sheet.quantize(24)
    sheet.save(arguments.sheet, optimize=True)


if __name__ == "__main__":
    main()
