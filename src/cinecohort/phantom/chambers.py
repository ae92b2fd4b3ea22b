"""Signal of the beating heart at the pixels of a plane: muscle, blood, leaflets, roots, epicardial fat."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from cinecohort.phantom.atria import Atrium
from cinecohort.phantom.heart import Heart
from cinecohort.phantom.surfaces import Lookup, choose_states, look_up
from cinecohort.phantom.tissue import Noise3D, Signal, Signals, mix, soft
from cinecohort.phantom.ventricles import Plane

RV_WALL_MM, ATRIAL_WALL_MM, ARTERIAL_WALL_MM = 2.4, 1.5, 1.4
EPICARDIAL_CAP_MM = 14.0
LEAFLET_MM = 1.5
JOINED_MM = 1.0
"""How far the blood of two cavities reaches over the plane between them."""
ROUNDED_MM = 7.0
"""Over how much the wall's end at the valve is rounded."""


@dataclass(frozen=True)
class FineStructure:
    """What is below the scale of the surfaces.

    Parameters
    ----------
    texture, swirl
        Noises that move with the heart: of tissue, and of blood as it turns round in a cycle.
    trabeculae
        (n, k): depth of the trabeculae by angle and height, 0 to 1.6.
    fat_mm
        Mean thickness of the fat on the heart.
    jet
        How dark the jet through the aortic valve is: 0.1 normal, much more where the valve is narrow.
    brightness
        Of the blood in left atrium, right atrium, left ventricle and right ventricle, relative to all blood.
    """

    texture: Noise3D
    swirl: tuple[Noise3D, Noise3D]
    trabeculae: Signal
    fat_mm: float = 2.5
    jet: float = 0.1
    brightness: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)


def draw_fine_structure(
    rng: np.random.Generator, fat_mm: float, *, stenosis: bool, variety: float = 1.0
) -> FineStructure:
    """Draw textures and the roughness of the ventricles' inner surfaces; `variety` widens what is drawn."""
    raw = ndimage.gaussian_filter(rng.standard_normal((240, 40)), (1.8, 1.6), mode="wrap")
    depth = np.clip(raw / raw.std() * 0.5 + 0.35, 0.0, 1.6).astype(np.float32)
    grain_mm = 3.2 * float(np.exp(rng.normal(0.0, 0.15 * variety)))
    swirl = (Noise3D(rng, grain_mm), Noise3D(rng, grain_mm))
    jet = float(rng.uniform(0.6, 0.9) if stenosis else rng.uniform(0.05, 0.3))
    bright = np.clip(rng.normal((1.03, 1.06, 0.97, 0.97), 0.05 * variety), 0.7, 1.35)
    left, right, lv, rv = (float(value) for value in bright)
    return FineStructure(Noise3D(rng, 5.0), swirl, depth, fat_mm, jet, (left, right, lv, rv))


@dataclass(frozen=True)
class Places:
    """Pixels (n,) in the heart's coordinates, and how far they lie below the valves' planes (t, n), mm."""

    x: Signal
    y: Signal
    s: Signal
    below_mitral: Signal
    below_tricuspid: Signal
    edge_mm: float
    """Width over which tissues blend."""

    def part(self, index: NDArray[np.intp]) -> "Places":
        """Some of the pixels."""
        x, y, s = self.x[index], self.y[index], self.s[index]
        return Places(x, y, s, self.below_mitral[:, index], self.below_tricuspid[:, index], self.edge_mm)


def heart_signal(
    heart: Heart, fine: FineStructure, points: Signal, background: Signal, edge_mm: float, signals: Signals
) -> Signal:
    """Signal (t, n) at pixels that the heart may touch.

    Parameters
    ----------
    heart
        In single precision.
    fine
        Its fine structure.
    points
        (n, 3) in the heart's coordinates.
    background
        (n,): what is behind.
    edge_mm
        Width over which tissues blend.
    signals
        Contrast.
    """
    x, y, s = np.ascontiguousarray(points.T.astype(np.float32))
    ventricles = heart.ventricles
    below_mitral, below_tricuspid = (
        _below(plane, x, y, s) for plane in (ventricles.mitral, ventricles.tricuspid)
    )
    places = Places(x, y, s, below_mitral, below_tricuspid, edge_mm)
    found = look_up(ventricles, x, y, s)
    grain = fine.texture(points)
    blood = _blood(heart, fine, places, grain, signals)
    muscle = np.float32(signals.myocardium) * (1.0 + 0.06 * grain).astype(np.float32)
    signal = np.repeat(background[None], len(heart.cycle.phase), axis=0)
    _epicardial_fat(signal, fine, places, found, grain, signals)
    _appendages(signal, heart, places, blood, signals)
    for atrium, bright in (
        (heart.right_atrium, fine.brightness[1]),
        (heart.left_atrium, fine.brightness[0]),
    ):
        _atrium(signal, atrium, bright, places, blood, signals)
    _roots(signal, heart, places, blood, signals)
    _right_ventricle(signal, fine, places, found, muscle, blood)
    _left_ventricle(signal, heart, fine, places, found, muscle, blood)
    for atrium, below, depths_mm in (
        (heart.left_atrium, below_mitral, (7.0, 20.0)),
        (heart.right_atrium, below_tricuspid, (4.0, 16.0)),
    ):
        _leaflets(signal, atrium, heart.cycle.opening, depths_mm, below, places, signals)
    return signal


def _below(plane: Plane, x: Signal, y: Signal, s: Signal) -> Signal:
    lift = plane.lift(x, y) - s
    return (plane.position[:, None] + lift[None, :]).astype(np.float32)


def rounded(first: Signal, second: Signal, width_mm: float) -> Signal:
    """The smaller of two distances, with the corner between their surfaces rounded off."""
    away = np.clip(width_mm - np.abs(first - second), 0.0, None)
    return np.minimum(first, second) - away * away * np.float32(0.25 / width_mm)


def _blood(heart: Heart, fine: FineStructure, places: Places, grain: Signal, signals: Signals) -> Signal:
    """Signal of blood (t, n): it swirls, and loses signal where it is fast."""
    x, y, s = places.x, places.y, places.s
    turn = (2.0 * np.pi * heart.cycle.phase).astype(np.float32)[:, None]
    points = np.stack([x, y, s], axis=1)
    first, second = (noise(points)[None] for noise in fine.swirl)
    signal = np.float32(0.075) * (np.cos(turn) * first + np.sin(turn) * second + grain[None])
    base = heart.ventricles.length_ed
    inflow = np.exp(-((x - 4.0) ** 2 + (y - 4.0) ** 2) / 150.0 - ((s - base + 26.0) / 20.0) ** 2)
    right = heart.right_atrium.annulus
    off = (x - right[0]) ** 2 + (y - right[1]) ** 2
    inflow = 0.16 * inflow + 0.12 * np.exp(-off / 160.0 - ((s - base + 26.0) / 18.0) ** 2)
    signal -= heart.cycle.opening[:, None] * inflow[None] * (1.0 + 0.8 * second)
    root = heart.vessels.aorta.points
    distance = heart.vessels.aorta.field(x, y, s)
    jet = np.exp(-(((s - root[1, 2] - 4.0) / 22.0) ** 2)) * np.clip(distance / 9.0, 0.0, 1.0)
    signal -= heart.cycle.ejection[:, None] * (np.float32(fine.jet) * jet)[None]
    signal += 1.0
    return np.clip(signal * np.float32(signals.blood), 0.05, None).astype(np.float32)


def _epicardial_fat(
    signal: Signal, fine: FineStructure, places: Places, found: Lookup, grain: Signal, signals: Signals
) -> None:
    """Fat over the RV, in the grooves and at the apex; hardly any over the LV's free wall."""
    over_rv = np.clip((found.right[0] - found.epi[0]) / 4.0, 0.0, 1.0)
    apex = np.clip(1.0 - found.z / 0.25, 0.0, 1.0)
    near_base = np.clip((found.z - 0.72) / 0.25, 0.0, 1.0)
    thick = fine.fat_mm * (0.25 + 1.1 * over_rv + 0.6 * apex + 1.3 * near_base) * (1.0 + 0.5 * grain)
    wall = np.maximum(found.right + RV_WALL_MM * over_rv, found.epi)
    cap = (places.s + EPICARDIAL_CAP_MM).astype(np.float32)
    top = np.maximum(places.below_tricuspid, places.below_mitral) + np.float32(9.0)
    outside = rounded(
        wall + np.clip(thick, 0.0, None).astype(np.float32) - found.r, np.minimum(top, cap), 14.0
    )
    mix(signal, soft(outside + np.float32(1.2), places.edge_mm), np.float32(signals.muscle))
    mix(signal, soft(outside, places.edge_mm), np.float32(signals.fat * 0.92))


def _appendages(signal: Signal, heart: Heart, places: Places, blood: Signal, signals: Signals) -> None:
    """Pouches with rough walls, whose blood is slow."""
    for number, tube in enumerate(heart.vessels.appendages):
        shift = heart.vessels.appendage_shift[:, number]
        near = tube.near(places.x, places.y, places.s, 8.0 + float(shift.max()))
        if not near.size:
            continue
        x, y, s = (values[near] for values in (places.x, places.y, places.s))
        field = tube.field(x[None], y[None], s[None] - shift[:, None]).astype(np.float32)
        part = signal[:, near]
        mix(part, soft(field + np.float32(ATRIAL_WALL_MM), places.edge_mm), np.float32(signals.myocardium))
        rough = np.sin(x * 0.9) * np.sin(s * 0.8 + y * 0.5)
        mix(part, soft(field - 1.2 - 1.2 * rough, places.edge_mm), 0.93 * blood[:, near])
        signal[:, near] = part


def _atrium(
    signal: Signal, atrium: Atrium, bright: float, places: Places, blood: Signal, signals: Signals
) -> None:
    reach = 1.35 * float(atrium.radius_mm.max()) + 12.0
    x0, y0 = (float(values.mean()) for values in atrium.place(0.6, 0.0, 0.0)[:2])
    highest = places.s - atrium.valve.lift(places.x, places.y) - atrium.valve.position.min()
    near = np.flatnonzero((np.hypot(places.x - x0, places.y - y0) < reach) & (highest > -5.0))
    if not near.size:
        return
    x, y, s = (values[near] for values in (places.x, places.y, places.s))
    change = np.abs(np.diff(atrium.valve.position)) + np.abs(np.diff(atrium.radius_mm))
    states = choose_states(np.concatenate([[0.0], np.cumsum(change)]), 16)
    borders = atrium.at(states.frames).borders(x, y, s)
    wall, above = (states.spread(part.astype(np.float32)) for part in borders)
    above += np.float32(JOINED_MM)
    part = signal[:, near]
    outside = np.minimum(wall + np.float32(ATRIAL_WALL_MM), above)
    mix(part, soft(outside, places.edge_mm), np.float32(signals.myocardium))
    mix(part, soft(np.minimum(wall, above), places.edge_mm), bright * blood[:, near])
    signal[:, near] = part


def _roots(signal: Signal, heart: Heart, places: Places, blood: Signal, signals: Signals) -> None:
    """Aortic root and pulmonary trunk, from the valves' planes on; their valves are shut in diastole."""
    shut = np.clip(1.0 - 3.0 * heart.cycle.ejection, 0.0, 1.0).astype(np.float32)[:, None]
    for tube, below in (
        (heart.vessels.pulmonary_artery, places.below_tricuspid),
        (heart.vessels.aorta, places.below_mitral),
    ):
        near = tube.near(places.x, places.y, places.s, 4.0)
        if not near.size or below[:, near].min() > 6.0:
            continue
        above = np.float32(JOINED_MM) - below[:, near]
        field = tube.field(places.x[near], places.y[near], places.s[near]).astype(np.float32)[None]
        part = signal[:, near]
        wall = np.minimum(field + np.float32(ARTERIAL_WALL_MM), above)
        mix(part, soft(wall, places.edge_mm), np.float32(signals.myocardium))
        mix(part, soft(np.minimum(field, above), places.edge_mm), blood[:, near])
        cusps = np.float32(1.0) - np.abs(above - 2.0 - 0.35 * field)
        mix(part, 0.6 * shut * soft(np.minimum(cusps, field), places.edge_mm), np.float32(signals.myocardium))
        signal[:, near] = part


def _right_ventricle(
    signal: Signal, fine: FineStructure, places: Places, found: Lookup, muscle: Signal, blood: Signal
) -> None:
    has_rv = soft(found.right - found.epi - 1.0, 2.0)
    wall = found.right + RV_WALL_MM * has_rv
    below = places.below_tricuspid
    mix(signal, soft(rounded(wall - found.r, below, 14.0), places.edge_mm) * has_rv, muscle)
    rough = found.rough(fine.trabeculae)
    inner = found.right - (found.right - found.epi) * 0.16 * rough - 1.2 * rough
    cavity = np.minimum(rounded(inner - found.r, below + np.float32(JOINED_MM), 8.0), found.r - found.epi)
    mix(signal, soft(cavity, places.edge_mm), fine.brightness[3] * blood)
    away = found.r - found.epi
    band = 1.3 - np.abs(found.z - 0.34 - 0.006 * away + 0.00008 * away * away) * 85.0
    across = np.minimum(away, found.right - found.r)
    sector = 10.0 - np.abs((found.theta - 2.75) * found.r)
    mix(signal, 0.6 * soft(np.minimum(np.minimum(band, across), sector), places.edge_mm), muscle)


def _left_ventricle(
    signal: Signal,
    heart: Heart,
    fine: FineStructure,
    places: Places,
    found: Lookup,
    muscle: Signal,
    blood: Signal,
) -> None:
    below = places.below_mitral
    middle, half = 0.5 * (found.epi + found.endo), 0.5 * (found.epi - found.endo)
    whole = np.where(found.r > middle, half - np.abs(found.r - middle), np.float32(3.0) * np.ones_like(half))
    mix(signal, soft(rounded(whole, below, ROUNDED_MM), places.edge_mm), muscle)
    apical = np.clip(1.25 - found.z, 0.25, 1.2)
    depth = np.minimum((found.rough(fine.trabeculae) * apical * 2.3)[None], 0.25 * found.endo)
    cavity = np.minimum(found.endo - depth - found.r, below + np.float32(JOINED_MM))
    mix(signal, soft(cavity, places.edge_mm), fine.brightness[2] * blood)
    _papillaries(signal, heart, fine, places, found, muscle)


def _papillaries(
    signal: Signal, heart: Heart, fine: FineStructure, places: Places, found: Lookup, muscle: Signal
) -> None:
    """Two papillary muscles, which thicken and move inwards with the wall."""
    ventricles = heart.ventricles
    for angle, size, low, high in ((-0.9, 0.22, 0.2, 0.68), (1.95, 0.24, 0.22, 0.66)):
        away = (found.theta - np.float32(angle) + np.pi) % (2.0 * np.pi) - np.pi
        near = np.flatnonzero((np.abs(away) < 1.0) & (found.z > low - 0.06) & (found.z < high + 0.06))
        if not near.size:
            continue
        z = places.s[near][None] / ventricles.length[:, None]
        along = np.clip((z - low) / (high - low), 0.0, 1.0)
        profile = np.sqrt(np.sqrt(np.clip(4.0 * along * (1.0 - along), 0.0, None)))
        endo = found.endo[:, near]
        narrow = np.minimum(endo / ventricles.radius_mm, 1.0)
        thick = size * ventricles.radius_mm * profile * (0.8 + 0.2 * narrow)
        lumps = 1.0 + 0.5 * (found.rough(fine.trabeculae)[near] - 0.5)
        out = endo - (0.30 + 0.45 * along) * thick - 0.5
        apart = np.hypot(found.r[near] - out, out * away[near] * lumps)
        part = signal[:, near]
        share = soft(0.85 * thick - apart, 1.4 * places.edge_mm) * soft(endo - found.r[near], places.edge_mm)
        mix(part, share * (thick > 1.0), muscle[near])
        signal[:, near] = part


def _leaflets(
    signal: Signal,
    atrium: Atrium,
    opening: Signal,
    depths_mm: tuple[float, float],
    below: Signal,
    places: Places,
    signals: Signals,
) -> None:
    """Leaflets as a funnel that hangs from the annulus, shut as a tent and open as deep flaps."""
    tent_mm, length_mm = depths_mm
    radius = atrium.annulus_mm * np.float32(1.08)
    rho = np.hypot(places.x - atrium.annulus[0], places.y - atrium.annulus[1])
    close = (np.abs(below) < length_mm + 6.0).any(axis=0)
    near = np.flatnonzero((rho < float(radius.max()) + 3.0) & close)
    if not near.size:
        return
    depth = (tent_mm + (length_mm - tent_mm) * opening)[:, None]
    tip = (radius * (0.04 + 0.66 * np.sqrt(opening)))[:, None]
    p, d = rho[near][None] - radius[:, None], below[:, near]
    along_p, along_d = tip - radius[:, None], depth
    share = np.clip((p * along_p + d * along_d) / (along_p**2 + along_d**2), 0.0, 1.0)
    billow = 1.2 * np.sin(np.pi * share)
    distance = np.hypot(p - share * along_p - billow, d - share * along_d + billow)
    part = signal[:, near]
    field = (0.5 * LEAFLET_MM - distance).astype(np.float32)
    mix(part, 0.8 * soft(field, places.edge_mm), np.float32(signals.myocardium))
    signal[:, near] = part
