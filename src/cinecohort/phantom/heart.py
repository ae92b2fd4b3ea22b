"""A whole heart over a cycle: ventricles, atria and great vessels, and the truth about them."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cinecohort.phantom.atria import Atrium, Outline, build_atrium
from cinecohort.phantom.cycle import Cycle, make_cycle
from cinecohort.phantom.people import HeartTargets, Person, generator
from cinecohort.phantom.ventricles import Shape, Ventricles, Waves, build_ventricles, volumes
from cinecohort.phantom.vessels import Vessels, draw_vessels

FloatArray = NDArray[np.float64]

SEPTUM_MM = 2.6
"""From one atrium's blood to the other's."""


@dataclass(frozen=True)
class Heart:
    """What is imaged.

    Parameters
    ----------
    cycle
        Its time courses.
    ventricles, left_atrium, right_atrium
        Chambers whose volumes are known.
    vessels
        Great vessels, veins and appendages, for the looks; no volume counts them.
    stenosis
        Whether the aortic valve is narrow.
    """

    cycle: Cycle
    ventricles: Ventricles
    left_atrium: Atrium
    right_atrium: Atrium
    vessels: Vessels
    stenosis: bool = False

    def at(self, frames: NDArray[np.intp]) -> "Heart":
        """The same heart in some of its frames."""
        return replace(
            self,
            cycle=self.cycle.at(frames),
            ventricles=self.ventricles.at(frames),
            left_atrium=self.left_atrium.at(frames),
            right_atrium=self.right_atrium.at(frames),
            vessels=self.vessels.at(frames),
        )

    def truth(self) -> dict[str, FloatArray]:
        """Analytic volumes (mL) and mass (g) by frame (t,): ``lv_ml, lvm_g, rv_ml, la_ml, ra_ml``."""
        found = volumes(self.ventricles)
        by_name = {
            "lv_ml": found.lv_ml,
            "lvm_g": found.myocardium_g,
            "rv_ml": found.rv_ml,
            "la_ml": self.left_atrium.volume_ml(),
            "ra_ml": self.right_atrium.volume_ml(),
        }
        return {name: values.astype(np.float64) for name, values in by_name.items()}


def draw_shape(person: Person, rng: np.random.Generator, *, variety: float = 1.0) -> Shape:
    """What the heart looks like beside its volumes; `variety` widens the spread of what is drawn."""
    patterns = {"hcm": "septal", "infarct": "infarct"}
    own = rng.spawn(1)[0]
    uneven = 0.6 if person.pathology == "infarct" else 1.0
    return Shape(
        taper=float(np.clip(own.normal(1.85, 0.13 * variety), 1.5, 2.3)),
        contour=_waves(own, ((1, 0.05), (2, 0.036), (3, 0.022), (4, 0.013), (5, 0.008)), variety),
        wall=_waves(own, ((1, 0.07 * uneven), (2, 0.05 * uneven), (3, 0.05 * uneven), (5, 0.04)), variety),
        rv_waves=tuple(own.normal((-0.05, 0.1, 0.03), (0.12, 0.12, 0.06)).tolist()),
        ovality=float(abs(rng.normal(0.0, 0.025 * variety))),
        ovality_angle=float(rng.uniform(0.0, np.pi)),
        widest=float(np.clip(rng.normal(0.70, 0.04 * variety), 0.60, 0.82)),
        septal_flattening=0.22 if person.pathology == "abnormal_rv" else float(rng.uniform(0.0, 0.03)),
        wall_pattern=patterns.get(person.pathology, "even"),
        infarct_angle=float(rng.choice([-2.2, -1.4, 0.3, 1.3])),
        rv_angle=float(rng.normal(np.pi + 0.05, 0.10 * variety)),
        rv_span=float(np.clip(rng.normal(1.34, 0.06 * variety), 1.15, 1.50)),
    )


def _waves(rng: np.random.Generator, spreads: tuple[tuple[int, float], ...], variety: float) -> Waves:
    """Draw departures, smoother along the axis than around it."""
    drawn = []
    for number, spread in spreads:
        values = rng.normal(0.0, spread * min(variety, 1.5), 6) * np.array([1.0, 1.0, 0.7, 0.7, 0.5, 0.5])
        drawn.append((number, tuple(np.clip(values, -2.0 * spread, 2.0 * spread).tolist())))
    return tuple(drawn)


def randomised_targets(targets: HeartTargets, rng: np.random.Generator) -> HeartTargets:
    """Volumes far beyond a population's spread, each chamber apart, for training data."""

    def varied(value: float, spread: float) -> float:
        return value * float(np.exp(np.clip(rng.normal(0.0, spread), -2.0 * spread, 2.0 * spread)))

    lv, rv = varied(targets.lvedv_ml, 0.2), varied(targets.rvedv_ml, 0.2)
    la, ra = varied(1.15 * targets.la_max_ml, 0.3), varied(1.15 * targets.ra_max_ml, 0.3)
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
    left, right = _atria(ventricles, targets, cycle, rng, variety)
    vessels = draw_vessels(ventricles, left, right, rng)
    return Heart(cycle, ventricles, left, right, vessels, person.pathology == "aortic_stenosis")


def _atria(
    ventricles: Ventricles, targets: HeartTargets, cycle: Cycle, rng: np.random.Generator, variety: float
) -> tuple[Atrium, Atrium]:
    """Left and right atrium on either side of the septum, over their valves."""
    scale = (targets.lvedv_ml / 143.0) ** (1.0 / 3.0)
    away = float(rng.normal(-0.05, 0.08 * variety))
    across, along = np.array([np.cos(away), np.sin(away)]), np.array([-np.sin(away), np.cos(away)])
    septum = -17.0 * scale * across + 5.0 * along
    lean = tuple(rng.normal(-0.42, 0.08 * variety) * across + rng.normal(-0.25, 0.08 * variety) * along)
    upright = float(ventricles.mitral.position.mean())
    mitral, (tricuspid, place) = _mitral_radius(ventricles), _tricuspid(ventricles)
    left = build_atrium(
        targets.la_min_ml + cycle.atrial_filling * (targets.la_max_ml - targets.la_min_ml),
        ventricles.mitral,
        outline=_outline(away, rng, variety, septal=0.8, along=0.95),
        septum=tuple(septum),
        annulus=tuple(3.0 * across + 3.0 * along),
        annulus_mm=0.88 * mitral,
        height_mm=float(40.0 * (targets.la_max_ml / 70.0) ** 0.33 * np.exp(rng.normal(0.0, 0.07 * variety))),
        widest=float(np.clip(rng.normal(0.56, 0.05 * variety), 0.42, 0.68)),
        drift=tuple(rng.normal(0.0, 2.0 * variety, 2) - 5.0 * along),
        lean=lean,
        upright=upright,
    )
    right_septum = septum - SEPTUM_MM * across + float(rng.normal(13.0, 2.0 * variety)) * along
    right = build_atrium(
        targets.ra_min_ml + cycle.atrial_filling * (targets.ra_max_ml - targets.ra_min_ml),
        ventricles.tricuspid,
        outline=_outline(away + np.pi, rng, variety, septal=0.62, along=1.0),
        septum=tuple(right_septum),
        annulus=place,
        annulus_mm=tricuspid,
        height_mm=float(50.0 * (targets.ra_max_ml / 82.0) ** 0.33 * np.exp(rng.normal(0.0, 0.07 * variety))),
        widest=float(np.clip(rng.normal(0.48, 0.05 * variety), 0.38, 0.62)),
        drift=tuple(rng.normal(0.0, 2.0 * variety, 2) - 3.0 * across),
        lean=lean,
        upright=upright,
    )
    return left, right


def _outline(
    away: float, rng: np.random.Generator, variety: float, *, septal: float, along: float
) -> Outline:
    """Draw an outline; with the left atrium's axes the 2- and 4-chamber views cut about the same volume."""
    first, second, free = np.clip(1.0 + rng.normal(0.0, 0.06 * variety, 3), 0.75, 1.25)
    return Outline(
        away=away,
        septal=septal,
        free=float(free),
        first=along * float(first),
        second=along * float(second),
        lobes=float(np.clip(abs(rng.normal(0.0, 0.05 * variety)), 0.0, 0.11)),
        lobes_at=float(rng.uniform(0.0, 2.0 * np.pi)),
    )


def _mitral_radius(ventricles: Ventricles) -> FloatArray:
    """Mean radius of the LV cavity at the mitral valve, by frame (t,), mm."""
    theta = np.linspace(0.0, 2.0 * np.pi, 24, endpoint=False)
    at_valve = ventricles.endocardium(theta[None], ventricles.mitral.position[:, None])
    return np.asarray(np.einsum("tti->ti", at_valve).mean(axis=1))


def _tricuspid(ventricles: Ventricles) -> tuple[FloatArray, tuple[float, float]]:
    """Radius of the tricuspid annulus by frame (t,), mm, and its middle (x, y)."""
    theta, s = np.array([ventricles.shape.rv_angle - 0.38]), ventricles.tricuspid.position[:1]
    first = ventricles.at(np.array([0]))
    inner, outer = (float(edge[0, 0]) for edge in first.surfaces(theta, s)[1:])
    middle = 0.5 * (inner + outer)
    radius = np.clip(0.5 * (outer - inner), 12.0, 22.0) * (
        0.75 + 0.25 * ventricles.length / ventricles.length_ed
    )
    return radius, (float(middle * np.cos(theta[0])), float(middle * np.sin(theta[0])))
