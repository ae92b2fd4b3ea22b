"""The page of the blinded assessment: automatic and manual contours side by side, without names."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Picture

from cinecohort.errors import UserError
from cinecohort.files import digest_json
from cinecohort.findings import Status
from cinecohort.label_maps import label_path, segmentation_path
from cinecohort.measures.positions import base_direction, thirds
from cinecohort.reporting.gallery import Case, evenly, read_case
from cinecohort.review.blinding import REGIONS, automatic_is_left, case_code, read_key, write_key
from cinecohort.review.cards import rows_of
from cinecohort.review.corrections import corrected_digests
from cinecohort.review.options import BlindedOptions
from cinecohort.review.page_files import fill_page
from cinecohort.review.pictures import Sheet, write_picture
from cinecohort.store import read_record

PIXELS, QUALITY, MOST_BYTES = 170, 55, 24_000
MOST_SLICES = 4
SIDES = ("left", "right", "plain")
PAGE, KEY = "review/blinded.html", "blinded_key.tsv"
ONLY_HEART = (1, 2)
"""LV and myocardium: what tells where a slice lies."""


def make_blinded(
    results: Path,
    options: BlindedOptions,
    source: str,
    seed: int,
    title: str,
    synthetic: bool,
    threads: int = 1,
) -> None:
    """Write ``results/review/blinded.html`` with its pictures, and the key, ``results/blinded_key.tsv``.

    Parameters
    ----------
    results
        The results folder, with the cohort's tables and the store.
    options
        Whose contours are compared, and of how many subjects.
    source
        Name of the first set of models.
    seed
        Of the sample, the order and the sides.
    title, synthetic
        Title of the run, and whether its data are made up.
    threads
        Processes that draw.
    """
    folder, key = results / "review" / "blinded", results / KEY
    known = read_key(key) if key.is_file() else {}
    subjects = sampled(results, options, source, seed)
    work = partial(
        draw_case,
        store=results / "subjects",
        folder=folder,
        observer=options.observer,
        seed=seed,
        known=known,
    )
    if threads > 1 and len(subjects) > 1:
        with ProcessPoolExecutor(min(threads, len(subjects))) as pool:
            made = list(pool.map(work, subjects, chunksize=2))
    else:
        made = [work(subject) for subject in subjects]
    rows = [row for listed in made for row in listed]
    wanted = {f"{row['case']}_{row['region']}_{side}.webp" for row in rows for side in SIDES}
    for old in set(folder.glob("*.webp")) - {folder / name for name in wanted}:
        old.unlink()
    rows.sort(key=lambda row: digest_json(["order", row["case"], row["region"]]))
    write_key(key, sorted(rows, key=lambda row: (row["subject"], row["region"])))
    shown = [{"c": row["case"], "r": row["region"], "d": row["digest"]} for row in rows]
    values = {"title": title, "synthetic": synthetic, "cases": shown}
    fill_page(results / PAGE, "blinded", values)


def sampled(results: Path, options: BlindedOptions, source: str, seed: int) -> list[str]:
    """A random sample of the analysed subjects with contours of both; somebody new displaces few.

    Corrected label maps are no network's, and take no part.
    """
    kept = (str(Status.OK), str(Status.REVIEW))
    analysed = {row["subject"] for row in rows_of(results / "cohort" / "status.tsv") if row["status"] in kept}
    found: dict[str, set[str]] = {}
    for row in rows_of(results / "cohort" / "measures.tsv"):
        found.setdefault(row["source"], set()).add(row["subject"])
    both = found.get(source, set()) & found.get(options.observer, set()) & analysed
    sample = []
    for subject in sorted(both, key=lambda subject: case_code(seed, subject)):
        home = results / "subjects" / subject
        files = (segmentation_path(home, "sa"), label_path(home, "sa", options.observer))
        if all(path.is_file() for path in files) and "sa" not in corrected_digests(home):
            sample.append(subject)
        if len(sample) == options.sample:
            break
    return sample


def draw_case(
    subject: str,
    store: Path,
    folder: Path,
    observer: str,
    seed: int,
    known: Mapping[tuple[str, str], Mapping[str, str]],
) -> list[dict[str, str]]:
    """Draw a subject's regions, where what they show has changed, and return its rows of the key."""
    home, code = store / subject, case_code(seed, subject)
    digest = _digest(home, observer)
    old = [dict(row) for (case, _), row in known.items() if case == code]
    if old and all(
        row["digest"] == digest and (folder / f"{code}_{row['region']}_{side}.webp").is_file()
        for row in old
        for side in SIDES
    ):
        return old
    try:
        case = read_case(home, "sa", None, observer)
    except UserError:
        case = None
    if case is None or case.automatic is None or case.observer is None:
        return []
    frames = _frames(case)
    rows = []
    for region, slices in zip(REGIONS, _slices(case, frames), strict=True):
        if not slices:
            continue
        left = automatic_is_left(seed, subject, region)
        automatic = replace(case, base_to_apex=slices)
        manual = replace(automatic, automatic=case.observer, observer=case.automatic)
        sides = (automatic, manual) if left else (manual, automatic)
        for side, each in zip(SIDES, (*sides, automatic), strict=True):
            picture = _picture(each, frames, contours=side != "plain")
            write_picture(folder / f"{code}_{region}_{side}.webp", [picture], QUALITY, MOST_BYTES)
        row = {"case": code, "subject": subject, "region": region, "digest": digest}
        rows.append(row | {"left": "automatic" if left else "manual"})
    return rows


def _digest(home: Path, observer: str) -> str:
    """Digest of both label maps, by the records of the store."""
    segment, convert = read_record(home, "segment"), read_record(home, "convert")
    seen = [
        record.outputs.get(name, {}).get("sha256") if record else None
        for record, name in ((segment, "seg_sa.nii.gz"), (convert, f"label_{observer}_sa.nii.gz"))
    ]
    return digest_json(seen)[:16]


def _frames(case: Case) -> list[int]:
    """The observer's end-diastole and end-systole; without names, the first and last frame with contours."""
    labels = case.observer
    assert labels is not None
    named = [frame for frame in (labels.ed_frame, labels.es_frame) if frame is not None]
    drawn = np.flatnonzero(labels.image.data.any(axis=(0, 1, 2))).tolist()
    return named or sorted({*drawn[:1], *drawn[-1:]})


def _slices(case: Case, frames: Sequence[int]) -> list[tuple[int, ...]]:
    """Slices of the basal, mid and apical third of the ventricle as either drew it, from the base on."""
    maps = [labels.image for labels in (case.automatic, case.observer) if labels is not None]
    if not frames:
        return [(), (), ()]
    drawn = [np.isin(image.data[..., list(frames)], ONLY_HEART).any(axis=(0, 1, 3)) for image in maps]
    cavities = [np.count_nonzero(maps[1].data == label, axis=(0, 1, 3)).astype(float) for label in (1, 3)]
    third = thirds(np.any(np.stack(drawn), axis=0), base_direction(cavities[0], cavities[1], maps[1].affine))
    each = [[index for index in case.base_to_apex if third[index] == place] for place in range(3)]
    return [tuple(evenly(listed, MOST_SLICES)) for listed in each]


def _picture(case: Case, frames: Sequence[int], contours: bool) -> Picture.Image:
    """Slices beside each other, end-diastole above end-systole."""
    sheet = Sheet(case, PIXELS, "sa")
    rows: list[Any] = [np.asarray(sheet.draw(frame, contours)) for frame in frames]
    return Picture.fromarray(np.concatenate(rows, axis=0))
