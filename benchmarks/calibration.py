"""The shipped calibration: what predicts a failed segmentation, from real hearts and degraded copies of them.

Takes the hearts of ACDC and M&Ms that the weights never learnt from, degrades each in up to eight ways, and
segments everything. Learns a calibration with all copies of a heart on one side of every split, and writes it
into the package, and its report into ``benchmarks/``. It has to be made anew for other weights, another
second network or another engine::

    python benchmarks/calibration.py ../shared/data

``data`` holds ``acdc/`` and ``mnms/`` as they are given out. 334 images; expect 15 to 20 minutes of one core
that is free, and 3 GiB of memory. ``--rows FILE`` keeps what was collected, so that a second run only learns.
"""

import argparse
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from segmentation_accuracy import converted

from cinecohort.calibration.degradations import DEGRADATIONS, Degraded, degraded, restored
from cinecohort.calibration.learn import calibrate
from cinecohort.calibration.options import SHIPPED, CalibrateOptions
from cinecohort.calibration.record import Calibration, write_calibration
from cinecohort.calibration.rows import UNDAMAGED, Rows, join_tables
from cinecohort.evaluation.options import EvaluationOptions
from cinecohort.evaluation.subject import evaluate_subject
from cinecohort.images import Image, read_image, write_image
from cinecohort.label_maps import read_segmentation, segmentation_path
from cinecohort.measures.options import MeasureOptions
from cinecohort.measures.subject import measure_subject
from cinecohort.model_sets import model_sets
from cinecohort.quality.options import SegmentationQualityOptions
from cinecohort.quality.segmentations import check_segmentations
from cinecohort.reporting.calibration_page import number, write_report
from cinecohort.segmentation.descriptions import DEFAULT_MODELS
from cinecohort.segmentation.options import ModelOptions, SegmentationOptions
from cinecohort.segmentation.prediction import segment_subjects

HERE = Path(__file__).parent
SPLITS = HERE.parent / "src" / "cinecohort" / "segmentation" / "splits"
OBSERVER, MODEL = "manual", "net"
UNSEEN = ("vendors_held_out", "vendors_validation")
"""Splits whose subjects no network learnt from."""
SETS = model_sets({"sa": [MODEL]})
KINDS = ["ghosting", "mistriggering", "wrap_around", "low_contrast", "noise"]
KINDS += ["slice_shift", "lost_slices", "off_centre"]
OF_VOLUME = ("lost_slices", "off_centre")
"""Degradations whose failures are of the volumes: nobody can tell them where the voxel size is not known."""
MEASURES = MeasureOptions(wall_thickness=False)


def hearts(data: Path, splits: Sequence[Path], work: Path) -> Iterator[tuple[str, Path]]:
    """Dataset and converted folder of every subject that a split names."""
    named = {name for split in splits for name in split.read_text(encoding="utf-8").split()}
    for dataset, source in (("acdc", "acdc"), ("mnms", "nifti")):
        for folder in converted(source, data / dataset, named, work / dataset):
            yield dataset, folder


def facts(data: Path, dataset: str, participant: str) -> dict[str, str]:
    """Vendor and group of a subject, as the data sets say."""
    folder = data / dataset / participant
    if dataset == "mnms":
        return {"vendor": (folder / "vendor.txt").read_text(encoding="utf-8").strip().title()}
    lines = (folder / "Info.cfg").read_text(encoding="utf-8").splitlines()
    group = next(line.split(":")[1].strip() for line in lines if line.startswith("Group"))
    return {"vendor": "Siemens", "group": group}


def notes(made: Calibration) -> list[str]:
    """Where a calibration holds and where not."""
    people, judged = made.participants, made.assessment
    of = {one.measure: one.covered for one in judged.coverage if one.factor == "all"}
    parts = [one for one in judged.coverage if one.factor != "all" and one.covered.value is not None]
    worst = sorted(parts, key=lambda one: one.covered.value or 0.0)[:5]
    cut = (
        f"The cut finds {number(judged.sensitivity)} of the bad results and flags "
        f"{number(judged.good_flagged)} of the good."
        if made.cut is not None
        else "It has no cut: one that finds 95 % of the bad results would flag "
        f"{number(judged.good_flagged)} of the good. The checks go on flagging; the probability sorts."
    )
    return [
        f"Learnt on {sum(people.values())} hearts from which the networks did not learn: {people['acdc']} of "
        f"ACDC (one hospital, Siemens) and {people['mnms']} of M&Ms (Siemens and Philips), each with six to "
        "eight degraded copies. Eleven of them were looked at while the first network was trained. A small "
        "sample: read the intervals.",
        cut,
        "A slice that is missing, and that the file does not miss, leaves no trace in the others: such "
        "failures are hardly found. Conversion finds them where slices have positions.",
        f"Intervals are of images such as these, in which {made.failures['any']} of "
        f"{sum(made.rows.values())} results are bad: wider than need be where few are. Volumes and mass rest "
        "on ACDC alone, "
        "since the voxel size of the M&Ms copies is not known; of those no copies with missing slices were "
        "made.",
        "On participants who were left out the intervals cover "
        + ", ".join(f"{name} {100 * (each.value or 0):.0f} %" for name, each in of.items())
        + "; least in "
        + ", ".join(f"{one.measure} of {one.level} {100 * (one.covered.value or 0):.0f} %" for one in worst)
        + ".",
        "Not covered: the choice of the frames of end-diastole and end-systole (both were given), the long "
        "axis, GE and Canon scanners, children, and diseases that ACDC does not have. Degradations are "
        "simulated on magnitude images, mistriggering from two frames; a real artefact may look different.",
        f"For {made.made_by.split()[2]} alone. Segmentations by other engines have no probability.",
    ]


def write_copies(dataset: str, folder: Path, kinds: Sequence[str], work: Path) -> dict[Path, Degraded | None]:
    """Write a heart and its degraded copies; how each was degraded, by its folder."""
    image = read_image(folder / "sa.nii.gz")
    made: dict[Path, Degraded | None] = {}
    for kind in (UNDAMAGED, *kinds):
        home = work / f"{dataset}-{folder.name}-{kind}"
        home.mkdir(parents=True)
        if kind == UNDAMAGED:
            made[home] = None
            for name in ("sa.nii.gz", "sa.json"):
                shutil.copy(folder / name, home / name)
            continue
        copy = degraded(image.data, kind, folder.name)
        sidecar = {**image.sidecar, "n_slices": int(copy.data.shape[2])}
        write_image(home / "sa.nii.gz", Image(copy.data, image.affine, image.frame_interval_s, sidecar))
        made[home] = copy
    return made


def against_reference(home: Path, whole: Path, made: Degraded | None) -> tuple[list[Any], list[Any]]:
    """Overlap and measures of a copy's segmentation on the undamaged heart's grid, with its labels."""
    found = read_segmentation(home, "sa")
    assert found is not None
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        for path in whole.iterdir():
            if path.name.startswith(("sa.", f"label_{OBSERVER}_sa.")):
                shutil.copy(path, place / path.name)
        reference = read_image(whole / "sa.nii.gz")
        labels = found.image.data
        if made is not None:
            labels = restored(labels, made, reference.data.shape[2])
        image = Image(labels, reference.affine, reference.frame_interval_s, found.image.sidecar)
        write_image(segmentation_path(place, "sa"), image)
        overlap = evaluate_subject(place, SETS, [OBSERVER], EvaluationOptions(positions=False), ["sa"])
        measures = measure_subject(place, SETS, [OBSERVER], MEASURES, ["sa"])
    return overlap.rows, measures.rows


def collect(arguments: argparse.Namespace) -> Rows:
    """Segment all copies and hold them against the labels."""
    model = ModelOptions(name=MODEL, weights=arguments.weights)
    options = SegmentationOptions(
        engine=arguments.engine, precision=arguments.precision, second_network=arguments.second_network
    )
    tables: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("quality", "overlap", "measures", "people")
    }
    with tempfile.TemporaryDirectory() as temporary:
        copies: dict[Path, tuple[str, Path, Degraded | None]] = {}
        listed = hearts(arguments.data, arguments.splits, Path(temporary) / "converted")
        for dataset, folder in islice(listed, arguments.first):
            sized = dataset not in arguments.no_volumes
            kinds = [kind for kind in arguments.kinds if sized or kind not in OF_VOLUME]
            made = write_copies(dataset, folder, kinds, Path(temporary) / "copies")
            copies |= {home: (dataset, folder, how) for home, how in made.items()}
        started = time.monotonic()
        done = segment_subjects(list(copies), model, options, "sa", None, arguments.threads)
        for place, (home, _) in enumerate(done, start=1):
            dataset, folder, how = copies[home]
            key, kind = home.name, home.name.rsplit("-", 1)[1]
            checked = check_segmentations(home, None, SegmentationQualityOptions())
            overlap, measures = against_reference(home, folder, how)
            tables["quality"].append({"subject": key} | checked.values)  # noqa: PD011 no data frame
            tables["overlap"] += [{"subject": key, **row} for row in overlap]
            tables["measures"] += [{"subject": key, **row} for row in measures]
            known = facts(arguments.data, dataset, folder.name)
            tables["people"].append(
                {"subject": key, "dataset": dataset, "participant": folder.name, "kind": kind} | known
            )
            if place % 10 == 0:
                print(f"{place} of {len(copies)}, {time.monotonic() - started:.0f} s", flush=True)
    frames = {name: pd.DataFrame(rows) for name, rows in tables.items()}
    return join_tables(
        frames["quality"], frames["overlap"], frames["measures"], frames["people"], MODEL, OBSERVER
    )


def main() -> None:
    """Make the calibration."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with acdc/ and mnms/")
    parser.add_argument("--weights", default=DEFAULT_MODELS["sa"], help="shipped weights")
    parser.add_argument("--second-network", default="unet16_sa")
    parser.add_argument("--splits", type=Path, nargs="+", default=[SPLITS / f"{name}.txt" for name in UNSEEN])
    parser.add_argument("--kinds", nargs="*", default=KINDS, choices=list(DEGRADATIONS))
    parser.add_argument("--no-volumes", nargs="*", default=["mnms"], help="without a known voxel size")
    parser.add_argument("--prevalence", type=float, default=0.10)
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--first", type=int, help="only so many hearts")
    parser.add_argument("--rows", type=Path, help="keep the rows here, or take them from here")
    parser.add_argument("--out", type=Path, help="the calibration (default: shipped, named by the weights)")
    arguments = parser.parse_args()
    if arguments.rows and arguments.rows.is_file():
        kept = pd.read_pickle(arguments.rows)
        rows = Rows(kept["table"], kept["made_by"])
    else:
        rows = collect(arguments)
        if arguments.rows:
            pd.to_pickle({"table": rows.table, "made_by": rows.made_by}, arguments.rows)
    out = arguments.out or SHIPPED / f"{arguments.weights}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    options = CalibrateOptions(prevalence=arguments.prevalence)
    made = calibrate(rows, OBSERVER, options, arguments.no_volumes)
    made = made.model_copy(update={"notes": notes(made)})
    write_calibration(made, out)
    for path in write_report(made, HERE / "calibration.json"):
        print(path)
    judged = made.assessment
    aucs = {name: round(float(one.value or np.nan), 3) for name, one in judged.auc.items()}
    print(f"{out}: AUC {aucs}; sensitivity {number(judged.sensitivity)}; good flagged ", end="")
    print(f"{number(judged.good_flagged)}, undamaged {number(judged.good_undamaged_flagged)}")


if __name__ == "__main__":
    main()
