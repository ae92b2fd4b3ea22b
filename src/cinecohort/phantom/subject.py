"""One phantom subject from its number: person, heart, images, archives, contours and truth."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cinecohort.phantom.annotations import write_annotations
from cinecohort.phantom.dicom_files import Study
from cinecohort.phantom.faults import (
    BREATH_HOLD_MM,
    FAULTS,
    faulty_receiver,
    late_frames,
    misplaced,
    planted_fault,
)
from cinecohort.phantom.heart import Heart, build_heart, randomised_targets
from cinecohort.phantom.imaging import Phantom, draw_phantom, render
from cinecohort.phantom.nifti_layout import write_nifti
from cinecohort.phantom.options import PhantomOptions
from cinecohort.phantom.packaging import (
    VISIT,
    hospital_series,
    ukbiobank_series,
    write_archives,
    write_folder,
)
from cinecohort.phantom.people import Person, draw_person, generator, participants_row
from cinecohort.phantom.planning import Slice, draw_pose, plan, randomised_views
from cinecohort.phantom.scanners import HOSPITALS, UK_BIOBANK, Scanner, randomised_scanner
from cinecohort.phantom.torso import draw_torso


@dataclass(frozen=True)
class Written:
    """Rows of the cohort's tables: the participant, the truth, and the truth of each frame."""

    participant: dict[str, object]
    truth: dict[str, object]
    frames: list[dict[str, object]]


def make_subject(number: int, options: PhantomOptions) -> tuple[Person, Phantom, list[Slice], Scanner]:
    """Draw a subject and plan its views."""
    person = draw_person(number, options.seed)
    heart = build_heart(person, options.frames, options.seed, randomise=options.randomise)
    rng = generator(options.seed, number, 2)
    pose = draw_pose(heart, rng, randomise=options.randomise)
    torso = draw_torso(person, rng, randomise=options.randomise)
    phantom = draw_phantom(heart, pose, torso, rng, randomise=options.randomise)
    scanner = _scanner(number, options)
    fault = planted_fault(number, options.layout) if options.faults else ""
    slices = plan(
        heart,
        pose,
        rng,
        pixel_mm=scanner.pixel_mm,
        shape=scanner.shape,
        thickness_mm=scanner.thickness_mm,
        gap_mm=scanner.gap_mm,
        breath_hold_mm=BREATH_HOLD_MM if fault == "breath_hold_shift" else 0.8,
    )
    if options.randomise:
        slices = randomised_views(slices, generator(options.seed, number, 7))
        # The heart's own rate: build_heart draws the same targets from the same numbers.
        targets = randomised_targets(person.targets, generator(options.seed, number, 1))
        person = replace(person, targets=targets)
    slices = misplaced(slices, fault)
    scanner = replace(scanner, receiver=faulty_receiver(scanner.receiver, fault))
    return person, phantom, slices, scanner


def _scanner(number: int, options: PhantomOptions) -> Scanner:
    if options.randomise:
        return randomised_scanner(generator(options.seed, number, 6))
    return HOSPITALS[(number - 1) % len(HOSPITALS)] if options.layout == "dicom" else UK_BIOBANK


def write_subject(number: int, destination: Path, options: PhantomOptions) -> Written:
    """Write a subject: archives or series with the workspaces of four observers, or images with their truth.

    Parameters
    ----------
    number
        Counted from 1.
    destination
        Folder of the cohort.
    options
        What to write.
    """
    person, phantom, slices, scanner = make_subject(number, options)
    fault = planted_fault(number, options.layout) if options.faults else ""
    n_slices = sum(image.view == "sa" for image in slices)
    rng = generator(options.seed, number, 3)
    if options.layout == "nifti":
        if options.written_frames == "ed_es":
            phantom = _at_ed_and_es(phantom)
        rate = person.targets.heart_rate_bpm
        write_nifti(destination / person.subject, phantom, slices, scanner, rate, rng, options.views)
        return _rows(person, "", phantom.heart, scanner, fault, n_slices)
    late = late_frames(slices, fault, options.frames)
    images = [
        (image, np.roll(render(phantom, image, scanner.receiver, rng), -_behind(image, late), axis=0))
        for image in slices
    ]
    rr_ms = 60000.0 / person.targets.heart_rate_bpm
    study = Study(
        person.subject, person.sex, person.age_years, person.weight_kg, scanner, rr_ms, options.seed
    )
    rng = generator(options.seed, number, 4)
    if options.layout == "ukbiobank":
        acquired = ukbiobank_series(study, images)
        write_archives(destination / "bulk", study, acquired, fault, rng)
    else:
        acquired = hospital_series(study, images)
        write_folder(destination / "dicom", study, acquired, fault, rng)
    folder = destination / "annotations"
    write_annotations(folder, person.subject, phantom, acquired, late, fault, options.seed)
    visit = VISIT if options.layout == "ukbiobank" else ""
    return _rows(person, visit, phantom.heart, scanner, fault, n_slices)


def _at_ed_and_es(phantom: Phantom) -> Phantom:
    frames = np.array([0, phantom.heart.cycle.es_frame])
    return replace(phantom, heart=phantom.heart.at(frames))


def _behind(image: Slice, late: dict[int, int]) -> int:
    return late.get(image.number, 0) if image.view == "sa" else 0


def _rows(person: Person, visit: str, heart: Heart, scanner: Scanner, fault: str, n_slices: int) -> Written:
    key = f"{person.subject}_{visit}" if visit else person.subject
    truth = heart.truth()
    es = heart.cycle.es_frame
    planted = FAULTS.get(fault)
    row: dict[str, object] = {
        "subject": key,
        "participant": person.subject,
        "pathology": person.pathology,
        "fault": fault,
        "expected_stage": planted.stage if planted else "",
        "expected_code": str(planted.expected or "") if planted else "",
        "ed_frame": 0,
        "es_frame": es,
        "heart_rate_bpm": round(person.targets.heart_rate_bpm, 2),
        "n_slices": n_slices,
        "lvedv_ml": truth["lv_ml"][0],
        "lvesv_ml": truth["lv_ml"][es],
        "lvef_pct": 100.0 * (1.0 - truth["lv_ml"][es] / truth["lv_ml"][0]),
        "lvm_g": truth["lvm_g"][0],
        "rvedv_ml": truth["rv_ml"][0],
        "rvesv_ml": truth["rv_ml"][es],
        "rvef_pct": 100.0 * (1.0 - truth["rv_ml"][es] / truth["rv_ml"][0]),
        "la_max_ml": truth["la_ml"].max(),
        "la_min_ml": truth["la_ml"].min(),
        "ra_max_ml": truth["ra_ml"].max(),
        "ra_min_ml": truth["ra_ml"].min(),
        "synthetic": True,
    }
    frames: list[dict[str, object]] = [
        {
            "subject": key,
            "frame": t,
            **{n: float(values[t]) for n, values in truth.items()},
            "synthetic": True,
        }
        for t in range(len(heart.cycle.phase))
    ]
    facts = (scanner.vendor, scanner.model, scanner.field_t)
    return Written(participants_row(person, key, visit, facts), row, frames)
