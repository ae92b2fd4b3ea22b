"""A whole heart over a cycle: ventricles, atria and great vessels, and the truth about them."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cinecohort.phantom.atria import Atrium, Tube, build_atrium
from cinecohort.phantom.cycle import Cycle, make_cycle
from cinecohort.phantom.people import HeartTargets, Person, generator
from cinecohort.phantom.ventricles import Shape, Ventricles, build_ventricles, volumes

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Heart:
    """What is imaged.

    Parameters
    ----------
    cycle
        Its time courses.
    ventricles, left_atrium, right_atrium
        Chambers whose volumes are known.
    aorta, pulmonary_artery, descending_aorta, veins
        Vessels, for the looks.
    """

    cycle: Cycle
    ventricles: Ventricles
    left_atrium: Atrium
    right_atrium: Atrium
    aorta: Tube
    pulmonary_artery: Tube
    descending_aorta: Tube
    veins: tuple[Tube, ...]

    def at(self, frames: NDArray[np.intp]) -> "Heart":
        """The same heart in some of its frames."""
        return replace(
            self,
            cycle=self.cycle.at(frames),
            ventricles=self.ventricles.at(frames),
            left_atrium=self.left_atrium.at(frames),
            right_atrium=self.right_atrium.at(frames),
        )

    def truth(self) -> dict[str, FloatArray]:
        """Analytic volumes (mL) and mass (g) by frame (t,): ``lv_ml, lvm_g, rv_ml, la_ml, ra_ml``."""
        found = volumes(self.ventricles)
        return {
            "lv_ml": found.lv_ml,
            "lvm_g": found.myocardium_g,
            "rv_ml": found.rv_ml,
            "la_ml": self.left_atrium.volume_ml(),
            "ra_ml": self.right_atrium.volume_ml(),
        }


def draw_shape(person: Person, rng: np.random.Generator, *, variety: float = 1.0) -> Shape:
    """What the heart looks like beside its volumes; `variety` widens the spread of what is drawn."""
    patterns = {"hcm": "septal", "infarct": "infarct"}
    return Shape(
        ovality=float(abs(rng.normal(0.0, 0.025 * variety))),
        ovality_angle=float(rng.uniform(0.0, np.pi)),
        widest=float(np.clip(rng.normal(0.78, 0.04 * variety), 0.66, 0.88)),
        septal_flattening=0.16 if person.pathology == "abnormal_rv" else float(rng.uniform(0.0, 0.03)),
        wall_pattern=patterns.get(person.pathology, "even"),
        infarct_angle=float(rng.choice([-2.2, -1.4, 0.3, 1.3])),
        rv_angle=float(rng.normal(np.pi + 0.05, 0.10 * variety)),
        rv_span=float(np.clip(rng.normal(1.24, 0.06 * variety), 1.05, 1.42)),
    )


def randomised_targets(targets: HeartTargets, rng: np.random.Generator) -> HeartTargets:
    """Volumes far beyond a population's spread, each chamber apart, for training data."""

    def varied(value: float, spread: float) -> float:
        return value * float(np.exp(np.clip(rng.normal(0.0, spread), -2.0 * spread, 2.0 * spread)))

    lv, rv = varied(targets.lvedv_ml, 0.2), varied(targets.rvedv_ml, 0.2)
    la, ra = varied(targets.la_max_ml, 0.28), varied(targets.ra_max_ml, 0.28)
    return HeartTargets(
        lvedv_ml=lv,
        lvesv_ml=lv * float(rng.uniform(0.28, 0.75)),
        lvm_g=varied(targets.lvm_g, 0.2) * (lv / targets.lvedv_ml) ** 0.7,
        rvedv_ml=rv,
        rvesv_ml=rv * float(rng.uniform(0.35, 0.65)),
        la_max_ml=la,
        la_min_ml=la * float(rng.uniform(0.3, 0.75)),
        ra_max_ml=ra,
        ra_min_ml=ra * float(rng.uniform(0.4, 0.75)),
        heart_rate_bpm=float(rng.uniform(48.0, 100.0)),
    )


def build_heart(person: Person, n_frames: int, seed: int, *, randomise: bool = False) -> Heart:
    """Build a person's heart over one cycle.

    Parameters
    ----------
    person
        Whose heart.
    n_frames
        Frames of the cycle.
    seed
        Seed of the cohort.
    randomise
        Vary volumes and shapes far beyond those of people, for training data.
    """
    number = int(person.subject.removeprefix("SYN"))
    rng = generator(seed, number, 1)
    targets = randomised_targets(person.targets, rng) if randomise else person.targets
    variety = 2.0 if randomise else 1.0
    cycle = make_cycle(n_frames, targets.heart_rate_bpm)
    ventricles = build_ventricles(targets, draw_shape(person, rng, variety=variety), cycle)
    la = targets.la_min_ml + cycle.atrial_filling * (targets.la_max_ml - targets.la_min_ml)
    ra = targets.ra_min_ml + cycle.atrial_filling * (targets.ra_max_ml - targets.ra_min_ml)
    scale = (targets.lvedv_ml / 143.0) ** (1.0 / 3.0)
    left = build_atrium(
        la,
        ventricles.mitral,
        middle=(2.0 * scale, 6.0 * scale),
        height_mm=47.0 * (targets.la_max_ml / 70.0) ** 0.33,
        aspect=0.85,
        turn=float(rng.normal(0.35, 0.1)),
    )
    right = build_atrium(
        ra,
        ventricles.tricuspid,
        middle=(-42.0 * scale, 16.0 * scale),
        height_mm=47.0 * (targets.ra_max_ml / 82.0) ** 0.33,
        aspect=0.92,
        turn=float(rng.normal(-0.45, 0.1)),
    )
    base = ventricles.length_ed
    return Heart(cycle, ventricles, left, right, *_vessels(base, scale))


def _vessels(base: float, scale: float) -> tuple[Tube, Tube, Tube, tuple[Tube, ...]]:
    """Courses of the vessels; patient's head lies at (0, -0.85, 0.53), back at (0.68, 0.39, 0.62)."""
    head = np.array([0.0, -0.85, 0.53])
    back = np.array([0.68, 0.39, 0.62])
    right = np.array([-0.734, 0.36, 0.58])
    root = np.array([-13.0 * scale, -11.0 * scale, base + 2.0])
    up = root + 22.0 * np.array([-0.25, -0.35, 0.9])
    arch = up + 45.0 * head + 6.0 * right
    aorta = Tube(np.array([root, up, arch]), np.array([12.5, 14.5, 13.5]) * scale**0.5)
    outflow = np.array([-26.0 * scale, -36.0 * scale, base - 4.0])
    trunk = outflow + 26.0 * (0.8 * head + 0.4 * back)
    fork = trunk + 20.0 * (0.5 * head + 0.8 * back)
    pulmonary = Tube(np.array([outflow, trunk, fork]), np.array([15.0, 12.5, 12.0]) * scale**0.5)
    behind = np.array([8.0, 10.0, base + 72.0])
    descending = Tube(np.array([behind - 120.0 * head, behind + 100.0 * head]), np.array([11.0, 12.0]))
    atrium = np.array([-44.0 * scale, 17.0 * scale, base + 30.0])
    upper = Tube(np.array([atrium, atrium + 70.0 * head + 6.0 * back]), np.array([10.0, 10.0]))
    lower = Tube(
        np.array([atrium, atrium - 26.0 * head + 4.0 * back, atrium - 80.0 * head]), np.full(3, 11.0)
    )
    left = np.array([2.0, 6.0, base + 40.0])
    lungs = [left + 16.0 * side * right + 12.0 * back for side in (-1.0, 1.0)]
    veins = [
        Tube(np.array([start, start + 35.0 * side * right + 10.0 * back]), np.array([6.5, 5.5]))
        for side, start in zip((-1.0, 1.0), lungs, strict=True)
    ]
    return aorta, pulmonary, descending, (upper, lower, *veins)
