"""The people of a phantom cohort: covariates, diagnoses, and the volumes of their hearts.

Age and sex are those of Bai 2018's subjects (61.2 (7.2) years, 52.5 % women). Pooled means and spreads of
ventricular measures at normal weight, and the effect of obesity, are those of its Table 8; that table holds
automatic measures, so that :mod:`cinecohort.phantom.tables` adds the spread of their error. How women and men
differ follows Petersen 2017 (J Cardiovasc Magn Reson 19:18; 804 healthy participants of UK Biobank): ejection
fraction 61 (SD 5) and 58 (5) %, LV mass 42 (7) and 53 (9) g/m², volumes smaller in women and with age.
Height, body mass index, blood pressure and heart rate are of the order of UK Biobank's imaging study, with a
blood pressure that rises with age and body mass index. The cohort is tuned to look like the papers, so that
nothing can be learnt from it but whether software finds what was put in.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

MEAN_AGE = 61.2
"""Years; Bai 2018, "Dataset"."""

OBESITY_EFFECT = {"lvedv_ml": 15.0, "lvesv_ml": 7.0, "lvm_g": 18.0, "rvedv_ml": 15.0, "rvesv_ml": 8.0}
"""Obese minus normal weight, Bai 2018, Table 8."""


@dataclass(frozen=True)
class Reference:
    """A healthy heart of normal weight at the mean age, by sex.

    Parameters
    ----------
    height_cm
        Mean height, to which volumes are adjusted.
    lvedv_ml, lvm_g
        Means.
    lvedv_sd_ml, lvm_sd_g
        Spreads that height, age, blood pressure and (mass) size do not explain.
    lv_fraction, rv_fraction
        Mean ejection fractions.
    la_max_ml, ra_max_ml
        Means of the largest atrial volumes.
    """

    height_cm: float
    lvedv_ml: float
    lvedv_sd_ml: float
    lvm_g: float
    lvm_sd_g: float
    lv_fraction: float
    rv_fraction: float
    la_max_ml: float
    ra_max_ml: float


REFERENCE = {
    "F": Reference(162.7, 123.5, 17.0, 70.5, 8.0, 0.595, 0.575, 66.0, 70.0),
    "M": Reference(176.0, 163.5, 25.0, 100.5, 12.0, 0.565, 0.545, 74.0, 94.0),
}
"""Half women and half men of these have the means of Bai 2018, Table 8 (normal weight: LVEDV 143, LVESV 60,
RVEDV 152, RVESV 67 mL, LVM 85 g), and women and men differ as in Petersen 2017 (LV mass: times 1.65 and 1.87
m², the body surface of normal weight at these heights). Atria are of the order of Petersen's."""

PATHOLOGIES: dict[str, tuple[str, ...]] = {
    "dcm": ("I42.0", "I50.0"),
    "hcm": ("I42.1",),
    "infarct": ("I21.9", "I25.2"),
    "abnormal_rv": ("I27.0",),
    "aortic_stenosis": ("I35.0",),
}
"""Pathology to the ICD-10 codes that its bearers have."""

HARMLESS_CODES = ("E11.9", "J45.9", "M17.9", "K21.9", "I10", "E78.0", "H26.9", "F32.9")
SITES = ("Cheadle", "Reading", "Newcastle")


@dataclass(frozen=True)
class HeartTargets:
    """Volumes, mass and rhythm that a phantom's heart is given.

    Parameters
    ----------
    lvedv_ml, lvesv_ml, lvm_g, rvedv_ml, rvesv_ml
        Ventricular volumes at end-diastole and end-systole, and LV mass.
    la_max_ml, la_min_ml, ra_max_ml, ra_min_ml
        Largest and smallest atrial volumes.
    heart_rate_bpm
        Heart rate.
    """

    lvedv_ml: float
    lvesv_ml: float
    lvm_g: float
    rvedv_ml: float
    rvesv_ml: float
    la_max_ml: float
    la_min_ml: float
    ra_max_ml: float
    ra_min_ml: float
    heart_rate_bpm: float


@dataclass(frozen=True)
class Person:
    """A made-up participant.

    Parameters
    ----------
    subject
        ``SYN0001`` and so on: never seven digits, never a real id.
    group
        ``normal weight``, ``overweight`` or ``obese``.
    pathology
        A key of :data:`PATHOLOGIES`, or empty.
    targets
        What the heart is built to.
    """

    subject: str
    sex: str
    age_years: float
    height_cm: float
    weight_kg: float
    bmi: float
    sbp_mmhg: float
    dbp_mmhg: float
    icd10: tuple[str, ...]
    self_reported_mi: bool
    site: str
    group: str
    pathology: str
    targets: HeartTargets


def subject_name(number: int) -> str:
    """Id of the subject with this number, counted from 1."""
    return f"SYN{number:04d}"


def generator(seed: int, number: int, purpose: int) -> np.random.Generator:
    """Random numbers that depend on the seed, the subject and what they are for, and on nothing else."""
    return np.random.default_rng([seed, number, purpose])


def draw_person(number: int, seed: int, *, population: bool = False) -> Person:
    """Draw a participant.

    Parameters
    ----------
    number
        Counted from 1. Odd numbers are of normal weight, even ones obese, unless `population`.
    seed
        Seed of the cohort.
    population
        Draw the body mass index from a whole population instead of two groups.
    """
    rng = generator(seed, number, 0)
    sex = "M" if rng.random() < 0.475 else "F"
    age = float(np.clip(rng.normal(MEAN_AGE, 7.2), 44.0, 80.0))
    height = float(np.clip(rng.normal(REFERENCE[sex].height_cm, 6.4), 145.0, 202.0))
    bmi = _body_mass_index(rng, number, population)
    obesity = float(np.clip((bmi - 25.0) / 5.0, 0.0, 1.0))
    sbp = float(rng.normal(131.0 + 0.45 * (age - MEAN_AGE) + 5.0 * obesity, 16.0))
    dbp = float(rng.normal(76.0 + 4.0 * obesity + 0.25 * (sbp - 131.0), 7.0))
    pathology = _pathology(rng, number, population)
    codes = set(PATHOLOGIES.get(pathology, ()))
    codes |= {str(code) for code in rng.choice(HARMLESS_CODES, size=rng.poisson(0.8))}
    return Person(
        subject=subject_name(number),
        sex=sex,
        age_years=round(age, 1),
        height_cm=round(height, 1),
        weight_kg=round(bmi * (height / 100.0) ** 2, 1),
        bmi=round(bmi, 2),
        sbp_mmhg=round(sbp),
        dbp_mmhg=round(dbp),
        icd10=tuple(sorted(codes)),
        self_reported_mi=pathology == "infarct" and bool(rng.random() < 0.7),
        site=SITES[int(rng.integers(len(SITES)))],
        group="obese" if bmi >= 30.0 else "overweight" if bmi >= 25.0 else "normal weight",
        pathology=pathology,
        targets=_with_pathology(_healthy(rng, sex, age, height, sbp, obesity), pathology, rng),
    )


def _body_mass_index(rng: np.random.Generator, number: int, population: bool) -> float:
    if population:
        return float(np.clip(19.9 + rng.gamma(2.6, 2.6), 18.6, 50.0))
    if number % 2:
        return float(np.clip(rng.normal(22.9, 1.3), 18.7, 24.9))
    return float(30.2 + rng.gamma(1.6, 1.5))


def _pathology(rng: np.random.Generator, number: int, population: bool) -> str:
    names = tuple(PATHOLOGIES)
    drawn = names[int(rng.integers(len(names)))] if rng.random() < 0.06 else ""
    if population or number % 7 != 5:
        return drawn if population else ""
    return names[(number // 7) % len(names)]


def _healthy(
    rng: np.random.Generator, sex: str, age: float, height: float, sbp: float, obesity: float
) -> HeartTargets:
    """Volumes of a healthy heart, with the effect of obesity."""
    normal = REFERENCE[sex]
    tall = height - normal.height_cm
    size = float(rng.normal()) * (1.0 + 0.1 * obesity)
    fraction = normal.lv_fraction + rng.normal(0.0, 0.055)
    unlike = rng.normal() * (1.0 + 0.3 * obesity)
    lvedv = normal.lvedv_ml + normal.lvedv_sd_ml * size + 1.2 * tall - 0.5 * (age - MEAN_AGE)
    lvesv = lvedv * (1.0 - fraction)
    mass = normal.lvm_g + 6.0 * size + normal.lvm_sd_g * unlike + 0.5 * tall + 0.12 * (sbp - 131.0)
    stroke = (lvedv - lvesv) * rng.normal(1.02, 0.03)
    rvedv = stroke / (normal.rv_fraction + rng.normal(0.0, 0.035))
    lvedv = max(lvedv, 75.0)
    lvesv = float(np.clip(lvesv, 0.25 * lvedv, 0.60 * lvedv))
    la_max = max(34.0, normal.la_max_ml + 9.0 * size + rng.normal(0.0, 13.0) + 6.0 * obesity)
    ra_max = max(40.0, normal.ra_max_ml + 9.0 * size + rng.normal(0.0, 15.0) + 4.0 * obesity)
    effect = OBESITY_EFFECT
    return HeartTargets(
        lvedv_ml=lvedv + obesity * effect["lvedv_ml"],
        lvesv_ml=lvesv + obesity * effect["lvesv_ml"],
        lvm_g=max(mass, 42.0) + obesity * effect["lvm_g"],
        rvedv_ml=rvedv + obesity * effect["rvedv_ml"],
        rvesv_ml=rvedv - stroke + obesity * effect["rvesv_ml"],
        la_max_ml=la_max,
        la_min_ml=la_max * (1.0 - float(np.clip(rng.normal(0.60, 0.07), 0.4, 0.75))),
        ra_max_ml=ra_max,
        ra_min_ml=ra_max * (1.0 - float(np.clip(rng.normal(0.46, 0.07), 0.25, 0.65))),
        heart_rate_bpm=float(np.clip(rng.normal(64.0 + 4.0 * obesity, 8.5), 45.0, 100.0)),
    )


def _with_pathology(heart: HeartTargets, pathology: str, rng: np.random.Generator) -> HeartTargets:
    """Change a healthy heart's volumes as the pathology does (group means of ACDC, Bernard 2018)."""
    values = dict(vars(heart))
    if pathology == "dcm":
        values["lvedv_ml"] *= rng.uniform(1.6, 2.0)
        values["lvesv_ml"] = values["lvedv_ml"] * rng.uniform(0.68, 0.82)
        values["lvm_g"] *= 1.5
        values["la_max_ml"] *= 1.35
        values["la_min_ml"] *= 1.7
        _match_stroke(values, 0.42)
    elif pathology == "hcm":
        values["lvesv_ml"] = values["lvedv_ml"] * rng.uniform(0.27, 0.36)
        values["lvm_g"] *= rng.uniform(1.7, 2.0)
        values["la_max_ml"] *= 1.25
        values["la_min_ml"] *= 1.35
        _match_stroke(values, 0.58)
    elif pathology == "infarct":
        values["lvedv_ml"] *= rng.uniform(1.15, 1.35)
        values["lvesv_ml"] = values["lvedv_ml"] * rng.uniform(0.6, 0.7)
        values["lvm_g"] *= 1.15
        _match_stroke(values, 0.5)
    elif pathology == "abnormal_rv":
        values["rvedv_ml"] *= rng.uniform(1.45, 1.7)
        values["rvesv_ml"] = values["rvedv_ml"] * rng.uniform(0.6, 0.68)
        values["ra_max_ml"] *= 1.4
        values["ra_min_ml"] *= 1.6
    elif pathology == "aortic_stenosis":
        values["lvm_g"] *= rng.uniform(1.35, 1.6)
        values["la_max_ml"] *= 1.2
        values["la_min_ml"] *= 1.3
    return HeartTargets(**values)


def _match_stroke(values: dict[str, float], fraction: float) -> None:
    """Give the RV the stroke volume of the LV, at this ejection fraction."""
    stroke = values["lvedv_ml"] - values["lvesv_ml"]
    values["rvedv_ml"] = stroke / fraction
    values["rvesv_ml"] = values["rvedv_ml"] - stroke


def participants_row(person: Person, key: str, visit: str, scanner: Sequence[object]) -> dict[str, object]:
    """A row of ``participants.tsv``; `scanner` holds vendor, model and field strength."""
    return {
        "subject": key,
        "participant": person.subject,
        "visit": visit,
        "sex": person.sex,
        "age_years": person.age_years,
        "height_cm": person.height_cm,
        "weight_kg": person.weight_kg,
        "bmi": person.bmi,
        "sbp_mmhg": person.sbp_mmhg,
        "dbp_mmhg": person.dbp_mmhg,
        "icd10": ";".join(person.icd10),
        "self_reported_mi": person.self_reported_mi,
        "site": person.site,
        "vendor": scanner[0],
        "scanner": scanner[1],
        "field_t": scanner[2],
        "group": person.group,
        "synthetic": True,
    }
