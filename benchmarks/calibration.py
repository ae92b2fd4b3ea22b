"""The shipped calibration: what predicts a failed segmentation, from real hearts and degraded copies of them.

Takes the hearts of ACDC and M&Ms that the weights never learnt from, degrades each in up to eight ways, and
segments everything. Learns a calibration with all copies of a heart on one side of every split, and writes it
into the package, and its report into ``benchmarks/``. It has to be made anew for other weights, another
second network or another engine::

    python benchmarks/calibration.py ../shared/data

``data`` holds ``acdc/`` and ``mnms/`` as they are given out. 334 images; expect 15 to 20 minutes of one core
that is free, and 3 GiB of memory. ``--rows FILE`` keeps what was collected, so that a second run only learns.

Cross-fitted networks make more hearts usable: each ``--fold SPLIT=WEIGHTS`` names a list of subjects, and
weights of the same architecture that never learnt from them. Those that the weights of the calibration
(``--for``) never learnt from, either, are segmented by these (``--splits``)::

    python benchmarks/calibration.py ../shared/data --fold one.txt=net_without_one.safetensors
        --fold two.txt=net_without_two.safetensors

Folds may be collected side by side, each run with ``--rows`` and ``--out`` of its own, and ``--splits`` with
nothing behind it but for one; the last run names the rows of all, ``--rows own.pkl one.pkl two.pkl``, and
learns from them together. The shipped one is made so, of the networks of
``config/training/unet_all_sa/fold_1.yaml`` to ``fold_3.yaml`` alone: its weights learnt from every heart.
"""

import argparse
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
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
from cinecohort.errors import UserError
from cinecohort.evaluation.options import EvaluationOptions
from cinecohort.evaluation.subject import evaluate_subject
from cinecohort.images import Image, read_image, write_image
from cinecohort.label_maps import read_segmentation, segmentation_path
from cinecohort.measures.options import MeasureOptions
from cinecohort.measures.subject import measure_subject
from cinecohort.model_sets import model_sets
from cinecohort.quality.made_by import MADE_BY
from cinecohort.quality.options import SegmentationQualityOptions
from cinecohort.quality.segmentations import check_segmentations
from cinecohort.reporting.calibration_page import number, write_report
from cinecohort.segmentation.descriptions import DEFAULT_MODELS, describe_for
from cinecohort.segmentation.options import ModelOptions, SegmentationOptions
from cinecohort.segmentation.prediction import segment_subjects

HERE = Path(__file__).parent
SPLITS = HERE.parent / "src" / "cinecohort" / "segmentation" / "splits"
OBSERVER, MODEL = "manual", "net"
WATCHED = "vendors_validation"
"""Split whose subjects no network learnt from, but the curves of the trainings were made with."""
UNSEEN = ("vendors_held_out", WATCHED)
"""Splits whose subjects no network learnt from."""
SETS = model_sets({"sa": [MODEL]})
KINDS = ["ghosting", "mistriggering", "wrap_around", "low_contrast", "noise"]
KINDS += ["slice_shift", "lost_slices", "off_centre"]
OF_VOLUME = ("lost_slices", "off_centre")
"""Degradations whose failures are of the volumes: nobody can tell them where the voxel size is not known."""
MEASURES = MeasureOptions(wall_thickness=False)


@dataclass(frozen=True)
class Fold:
    """Subjects, and the weights that segment them.

    Parameters
    ----------
    weights
        Name of shipped weights or path of a ``.safetensors`` file.
    subjects
        Names of subjects that its training did not learn from.
    watched
        Those of them that were looked at while it was trained.
    """

    weights: str
    subjects: frozenset[str]
    watched: frozenset[str]

    def without(self, subjects: frozenset[str]) -> "Fold":
        """The same weights for the other subjects."""
        return Fold(self.weights, self.subjects - subjects, self.watched - subjects)


def read_fold(split: Path, weights: str, whose: str, second: str) -> Fold:
    """Read a list of subjects, and make sure that the weights fit and never learnt from them.

    Parameters
    ----------
    split
        File with names of subjects.
    weights
        Which segment them.
    whose
        Weights whose calibration is made.
    second
        The second network.

    Raises
    ------
    UserError
        If the weights have another architecture or take other images, or a network learnt from a subject.
    """
    if not split.is_file():
        raise UserError(f"{split}: there is no such list of subjects.")
    subjects = frozenset(split.read_text(encoding="utf-8").split())
    about, wanted = describe_for(weights, "sa"), describe_for(whose, "sa")
    for key in ("architecture", "spacing_mm", "normalisation", "neighbours", "structures"):
        if getattr(about, key) != getattr(wanted, key):
            raise UserError(f"{weights}: its {key} is not that of {whose}; its failures would be others.")
    # What a description names as seen holds those, too, with whom the training was only watched.
    watched_only = frozenset((SPLITS / f"{WATCHED}.txt").read_text(encoding="utf-8").split())
    seen = {}
    for network in (weights, second):
        names = describe_for(network, "sa").trained_on.values()
        seen[network] = subjects & frozenset().union(*names)
        learnt_from = sorted(seen[network] - watched_only)
        if learnt_from:
            raise UserError(
                f"{split}: {network} learnt from {', '.join(learnt_from)}; each heart has to be segmented by "
                "networks that never learnt from it."
            )
    return Fold(weights, subjects, seen[weights])


def read_folds(arguments: argparse.Namespace) -> list[Fold]:
    """Who is segmented by which weights: the splits by the weights themselves, other hearts by their fold's.

    Raises
    ------
    UserError
        If a fold is not written as it should be, or two of them name the same subject.
    """
    second = arguments.second_network
    own = [read_fold(split, arguments.whose, arguments.whose, second) for split in arguments.splits]
    folds = list(own)
    for text in arguments.folds:
        split, equals, weights = text.partition("=")
        if not (split and equals and weights):
            raise UserError(f"--fold {text}: write SPLIT_FILE=WEIGHTS.")
        fold = read_fold(Path(split), weights, arguments.whose, second)
        folds.append(fold.without(frozenset().union(*(each.subjects for each in own))))
    for place, fold in enumerate(folds):
        for other in folds[:place]:
            twice = fold.subjects & other.subjects
            if twice:
                raise UserError(f"{', '.join(sorted(twice))}: in two folds; a heart is segmented once.")
    return folds


def hearts(data: Path, named: frozenset[str], work: Path) -> Iterator[tuple[str, Path]]:
    """Dataset and converted folder of every subject that is named."""
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


def learnt_on(made: Calibration, vendors: Mapping[str, int], folds: Sequence[Fold], whose: str) -> str:
    """What hearts a calibration is learnt on, and how they were segmented."""
    people, hearts = made.participants, sum(made.participants.values())
    named = "; ".join(f"{n} of {name}" for name, n in vendors.items())
    of = (
        f"{people.get('acdc', 0)} of ACDC (one hospital) and {people.get('mnms', 0)} of M&Ms ({named}), each "
        "with six to eight degraded copies."
    )
    watched = sum(len(fold.watched) for fold in folds)
    looked = f" {watched} of them were looked at while a network was trained." if watched else ""
    crossed = [fold for fold in folds if fold.weights != whose]
    if not crossed:
        how = f"Learnt on {hearts} hearts from which the networks did not learn: {of}"
        return f"{how}{looked} A small sample: read the intervals."
    theirs = sum(len(fold.subjects) for fold in crossed)
    own = f"{hearts - theirs} were segmented by {whose}, which did not learn from them, {theirs}"
    return (
        f"Learnt on {hearts} hearts, {of} {own if theirs < hearts else 'All were segmented'} by cross-fitted "
        f"networks: {len(crossed)} of the architecture and the shortened recipe of {whose}, none of which "
        f"learnt from the hearts that it segmented.{looked} A small sample: read the intervals."
    )


def notes(made: Calibration, first: str) -> list[str]:
    """Where a calibration holds and where not; `first` says on whom it was learnt."""
    judged = made.assessment
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
        first,
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


def as_made_by(made_by: str, whose: str) -> str:
    """How a segmentation was made, with the weights whose calibration is made in place of its fold's."""
    about = describe_for(whose, "sa")
    return " ".join([f"{about.name}@{about.sha256[:8]}", *made_by.split(" ")[1:]])


def collect(arguments: argparse.Namespace, folds: Sequence[Fold]) -> Rows:
    """Segment all copies, each by the weights of its fold, and hold them against the labels."""
    options = SegmentationOptions(
        engine=arguments.engine, precision=arguments.precision, second_network=arguments.second_network
    )
    tables: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("quality", "overlap", "measures", "people")
    }
    weights_of = {name: fold.weights for fold in folds for name in fold.subjects}
    with tempfile.TemporaryDirectory() as temporary:
        copies: dict[Path, tuple[str, Path, Degraded | None]] = {}
        by_weights: dict[str, list[Path]] = {}
        listed = hearts(arguments.data, frozenset(weights_of), Path(temporary) / "converted")
        for dataset, folder in islice(listed, arguments.first):
            sized = dataset not in arguments.no_volumes
            kinds = [kind for kind in arguments.kinds if sized or kind not in OF_VOLUME]
            made = write_copies(dataset, folder, kinds, Path(temporary) / "copies")
            copies |= {home: (dataset, folder, how) for home, how in made.items()}
            by_weights.setdefault(weights_of[folder.name], []).extend(made)
        started = time.monotonic()
        done = chain.from_iterable(
            segment_subjects(
                homes, ModelOptions(name=MODEL, weights=weights), options, "sa", None, arguments.threads
            )
            for weights, homes in by_weights.items()
        )
        for place, (home, _) in enumerate(done, start=1):
            dataset, folder, how = copies[home]
            key, kind = home.name, home.name.rsplit("-", 1)[1]
            checked = check_segmentations(home, None, SegmentationQualityOptions())
            overlap, measures = against_reference(home, folder, how)
            values = checked.values  # noqa: PD011 no data frame
            made_by = as_made_by(str(values.get(MADE_BY, "")), arguments.whose) if values else ""
            tables["quality"].append({"subject": key, **values, MADE_BY: made_by})
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


def find_rows(arguments: argparse.Namespace) -> tuple[Rows, list[Fold]]:
    """Rows that were kept, or those of hearts that are segmented now, with the folds that they come from.

    Raises
    ------
    UserError
        If folds are wrong, or kept rows are missing, of other weights or of the same subjects.
    """
    files = arguments.rows
    if not any(path.is_file() for path in files) and len(files) < 2:
        folds = read_folds(arguments)
        rows = collect(arguments, folds)
        for path in files:
            plain = [(fold.weights, fold.subjects, fold.watched) for fold in folds]
            pd.to_pickle({"table": rows.table, "made_by": rows.made_by, "folds": plain}, path)
        return rows, folds
    missing = [str(path) for path in files if not path.is_file()]
    if missing:
        raise UserError(f"{', '.join(missing)}: there are no such rows; collect them first.")
    kept = [pd.read_pickle(path) for path in files]
    expected = as_made_by(kept[0]["made_by"], arguments.whose)
    for path, each in zip(files, kept, strict=True):
        own = any(weights == arguments.whose for weights, *_ in each["folds"])
        made_by = each["made_by"] if own else as_made_by(each["made_by"], arguments.whose)
        if made_by != expected:
            raise UserError(f"{path}: is of {made_by}, not of {expected}; collect the rows anew.")
    folds = [[Fold(*fold) for fold in each["folds"]] for each in kept]
    own = [fold.subjects for each in folds for fold in each if fold.weights == arguments.whose]
    named = frozenset().union(*own)
    tables = []
    for each, of in zip(kept, folds, strict=True):
        table = each["table"]
        if all(fold.weights != arguments.whose for fold in of):
            table = table[~table["participant"].str.partition("/")[2].isin(named)]
        tables.append(table)
    table = pd.concat(tables)
    if table.index.has_duplicates:
        raise UserError(f"{table.index[table.index.duplicated()][0]}: is in several files of rows.")
    whose = arguments.whose
    return Rows(table, expected), [
        fold if fold.weights == whose else fold.without(named) for of in folds for fold in of
    ]


def by_network(rows: Rows, folds: Sequence[Fold], whose: str) -> Rows:
    """Rows that say whether the weights of the calibration segmented them, where not all are by these."""
    crossed = frozenset().union(*(fold.subjects for fold in folds if fold.weights != whose))
    if not crossed:
        return rows
    theirs = rows.table["participant"].str.partition("/")[2].isin(crossed)
    return Rows(rows.table.assign(network=np.where(theirs, "cross-fitted", whose)), rows.made_by)


def main() -> None:
    """Make the calibration."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with acdc/ and mnms/")
    parser.add_argument(
        "--for", dest="whose", default=DEFAULT_MODELS["sa"], help="shipped weights whose calibration it is"
    )
    parser.add_argument(
        "--fold",
        dest="folds",
        action="append",
        default=[],
        metavar="SPLIT_FILE=WEIGHTS",
        help="list of subjects, and weights that never learnt from them; those of --splits stay there",
    )
    parser.add_argument("--second-network", default="unet16_sa")
    parser.add_argument("--splits", type=Path, nargs="*", default=[SPLITS / f"{name}.txt" for name in UNSEEN])
    parser.add_argument("--kinds", nargs="*", default=KINDS, choices=list(DEGRADATIONS))
    parser.add_argument("--no-volumes", nargs="*", default=["mnms"], help="without a known voxel size")
    parser.add_argument("--prevalence", type=float, default=0.10)
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--first", type=int, help="only so many hearts")
    parser.add_argument(
        "--rows", type=Path, nargs="+", default=[], help="keep the rows here; take them from files that exist"
    )
    parser.add_argument("--out", type=Path, help="the calibration (default: shipped, named by the weights)")
    arguments = parser.parse_args()
    try:
        rows, folds = find_rows(arguments)
    except UserError as fault:
        parser.error(str(fault))
    out = arguments.out or SHIPPED / f"{arguments.whose}.json"
    page = out if arguments.out else HERE / "calibration.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    options = CalibrateOptions(prevalence=arguments.prevalence)
    rows = by_network(rows, folds, arguments.whose)
    made = calibrate(rows, OBSERVER, options, arguments.no_volumes)
    vendors = rows.table.drop_duplicates("participant")["vendor"].value_counts().sort_index()
    first = learnt_on(made, vendors.to_dict(), folds, arguments.whose)
    made = made.model_copy(update={"notes": notes(made, first)})
    write_calibration(made, out)
    for path in write_report(made, page):
        print(path)
    judged = made.assessment
    aucs = {name: round(float(one.value or np.nan), 3) for name, one in judged.auc.items()}
    print(f"{out}: AUC {aucs}; sensitivity {number(judged.sensitivity)}; good flagged ", end="")
    print(f"{number(judged.good_flagged)}, undamaged {number(judged.good_undamaged_flagged)}")


if __name__ == "__main__":
    main()
