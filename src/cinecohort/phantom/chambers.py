"""Signal of the beating heart at the pixels of a plane: muscle, blood, leaflets, roots, epicardial fat."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cinecohort.phantom.atria import Atrium
from cinecohort.phantom.fine_structure import N_AROUND, FineStructure
from cinecohort.phantom.heart import Heart
from cinecohort.phantom.surfaces import Lookup, choose_states, look_up
from cinecohort.phantom.tissue import Signal, Signals, mix, soft
from cinecohort.phantom.ventricles import Plane

RV_WALL_MM, ATRIAL_WALL_MM, ARTERIAL_WALL_MM = 2.4, 1.5, 1.4
EPICARDIAL_CAP_MM = 14.0
MOST_FAT_MM = 10.0
"""Of fat on the heart; pixels farther out are not drawn with it."""
LEAFLET_MM = 1.5
JOINED_MM = 1.0
"""How far the blood of two cavities reaches over the plane between them."""
CRYPT_MM = 4.0
"""How deep the strands of muscle lie in the cavity that have blood behind them."""
ROUNDED_MM = 7.0
"""Over how much the wall's end at the valve is rounded."""
RV_MOTTLED = 2.7
"""How much more the blood of the RV varies than other blood, between trabeculae too fine to be drawn. Two
pixels within an expert's RV the signal at end-diastole has a standard deviation of 0.15 of the LV's median
(ACDC); with this it is that in the phantom, without it 0.09."""


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


@dataclass(frozen=True)
class Materials:
    """What the heart's tissues would look like at n pixels; one plane's will do for the whole of a slab.

    Parameters
    ----------
    grain
        (n,): of the tissues.
    muscle
        (n,): signal of muscle.
    blood
        (t, n): signal of blood.
    venous
        (t, n): that of the right heart's.
    """

    grain: Signal
    muscle: Signal
    blood: Signal
    venous: Signal


def draw_materials(heart: Heart, fine: FineStructure, points: Signal, signals: Signals) -> Materials:
    """Tissues at points (n, 3) in the coordinates of the heart, which is in single precision."""
    grain = fine.texture(points)
    muscle = np.float32(signals.myocardium) * (1.0 + 0.06 * grain).astype(np.float32)
    blood = _blood(heart, fine, points, grain, signals)
    return Materials(grain, muscle, blood, blood * np.float32(signals.venous))


def heart_signal(
    heart: Heart,
    fine: FineStructure,
    materials: Materials,
    points: Signal,
    background: Signal,
    edge_mm: float,
    signals: Signals,
) -> Signal:
    """Signal (t, n) at pixels that the heart may touch.

    Parameters
    ----------
    heart
        In single precision.
    fine
        Its fine structure.
    materials
        Its tissues at these pixels.
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
    blood, venous = materials.blood, materials.venous
    even = np.float32(signals.blood * signals.venous)
    mottled = np.clip(even + np.float32(RV_MOTTLED) * (venous - even), np.float32(0.1) * even, None)
    signal = np.repeat(background[None], len(heart.cycle.phase), axis=0)
    _epicardial_fat(signal, fine, places, found, materials.grain, signals)
    _appendages(signal, heart, places, blood, signals)
    for atrium, bright, filling in (
        (heart.right_atrium, fine.brightness[1], venous),
        (heart.left_atrium, fine.brightness[0], blood),
    ):
        _atrium(signal, atrium, bright, places, filling, signals)
    _roots(signal, heart, places, blood, signals)
    for near, draw, filling in (
        (_near_right(places, found), _right_ventricle, mottled),
        (_near_left(places, found), _left_ventricle, blood),
    ):
        part = signal[:, near]
        tissues = materials.muscle[near], filling[:, near]
        draw(part, heart, fine, places.part(near), found.part(near), *tissues)
        signal[:, near] = part
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


def _near_right(places: Places, found: Lookup) -> NDArray[np.intp]:
    width = (found.right - found.epi).max(axis=0)
    reach = found.right.max(axis=0) + np.float32(RV_WALL_MM + places.edge_mm)
    return np.flatnonzero(
        (width > 0.1) & (found.r < reach) & (places.below_tricuspid.max(axis=0) > -places.edge_mm)
    )


def _near_left(places: Places, found: Lookup) -> NDArray[np.intp]:
    reach = found.epi.max(axis=0) + np.float32(places.edge_mm)
    return np.flatnonzero((found.r < reach) & (places.below_mitral.max(axis=0) > -places.edge_mm - JOINED_MM))


def _blood(heart: Heart, fine: FineStructure, points: Signal, grain: Signal, signals: Signals) -> Signal:
    """Signal of blood (t, n): brighter and darker regions, streaks along the stream, dark jets."""
    x, y, s = np.ascontiguousarray(points.T.astype(np.float32))
    base = heart.ventricles.length_ed
    turn = (2.0 * np.pi * heart.cycle.phase).astype(np.float32)[:, None]
    cloud = fine.swirl[0](points)[None]
    streaks, others = (fine.swirl[1](points * (1.0, 1.0, 0.22) + away)[None] for away in (0.0, 31.0))
    speed = (heart.cycle.opening + heart.cycle.ejection)[:, None]
    moving = np.cos(turn) * streaks + np.sin(turn) * others
    signal = np.float32(0.06) * cloud + np.float32(0.035) * grain[None]
    signal = signal + (0.04 + 0.055 * speed) * moving
    right = heart.right_atrium.annulus
    width = 1.0 + 0.25 * cloud[0] + 0.2 * streaks[0]
    for at, strength, size in (((2.0, 2.0), 0.5, 90.0), (right, 0.38, 120.0)):
        off = ((x - at[0]) ** 2 + (y - at[1]) ** 2) / (size * np.clip(width, 0.3, 2.0))
        jet = strength * np.exp(-off - ((s - base + 18.0) / 20.0) ** 2)
        fresh = 0.10 * np.exp(-off / 4.0 - ((s - base + 6.0) / 30.0) ** 2)
        signal -= heart.cycle.opening[:, None] * (jet[None] * (1.0 + 0.5 * moving) - fresh[None])
    root = heart.vessels.aorta.points
    distance = heart.vessels.aorta.field(x, y, s)
    jet = np.exp(-(((s - root[1, 2] + 8.0) / 26.0) ** 2)) * np.clip(0.3 + distance / 9.0, 0.0, 1.0)
    signal -= heart.cycle.ejection[:, None] * (np.float32(fine.jet) * jet)[None] * (1.0 + 0.3 * moving)
    signal += 1.0
    return np.clip(signal * np.float32(signals.blood), 0.12, None).astype(np.float32)


def _epicardial_fat(
    signal: Signal, fine: FineStructure, places: Places, found: Lookup, grain: Signal, signals: Signals
) -> None:
    """Fat in the grooves, over the RV and at the apex, tapering to nothing; a thin pericardium.

    Beyond the RV's wall it is as seldom bright as in ACDC and M&Ms: of the pixels 6 to 12 mm away from an
    expert's RV 12 of 100 have over 0.7 of the LV's signal (here 8).
    """
    over_rv = np.clip((found.right[0] - found.epi[0]) / 6.0, 0.0, 1.0)
    groove = 4.0 * over_rv * (1.0 - over_rv)
    apex = np.clip(1.0 - found.z / 0.18, 0.0, 1.0) * np.clip(0.3 - np.cos(found.theta), 0.0, 1.0)
    atrioventricular = np.exp(-(((found.z - 1.0) / 0.13) ** 2))
    amount = 0.25 + 1.2 * groove + 0.3 * over_rv + 0.6 * apex + 1.1 * atrioventricular
    patches = found.rough(fine.fat_patches)
    thick = np.clip(fine.fat_mm * (amount + 0.8 * patches - 0.5) * (1.0 + 0.1 * grain), 0.0, MOST_FAT_MM)
    wall = np.maximum(found.right + RV_WALL_MM * over_rv, found.epi)
    cap = (places.s + EPICARDIAL_CAP_MM).astype(np.float32)
    top = np.maximum(places.below_tricuspid, places.below_mitral) + np.float32(6.0)
    outside = rounded(wall + thick.astype(np.float32) - found.r, np.minimum(top, cap), 14.0)
    mix(signal, 0.7 * soft(outside + np.float32(0.8), places.edge_mm), np.float32(0.8 * signals.muscle))
    mix(
        signal,
        soft(outside - np.float32(0.4), places.edge_mm) * np.clip(thick / 1.5, 0.0, 1.0),
        np.float32(signals.fat * 0.6),
    )


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
    signal: Signal,
    heart: Heart,
    fine: FineStructure,
    places: Places,
    found: Lookup,
    muscle: Signal,
    blood: Signal,
) -> None:
    has_rv = soft(found.right - found.epi - 1.0, 2.0)
    wall = found.right + RV_WALL_MM * has_rv
    below = places.below_tricuspid
    mix(signal, soft(rounded(wall - found.r, below, 14.0), places.edge_mm) * has_rv, muscle)
    rough = found.rough(fine.rv_trabeculae)[None]
    inner = found.right - np.minimum(rough, 0.3 * (found.right - found.epi))
    cavity = np.minimum(rounded(inner - found.r, below + np.float32(JOINED_MM), 8.0), found.r - found.epi)
    mix(signal, soft(cavity, places.edge_mm), fine.brightness[3] * blood)
    strands = found.rough(np.roll(fine.rv_trabeculae, N_AROUND // 3, axis=0))
    _crypts(signal, inner - found.r, 0.5 * strands - np.float32(0.7), muscle, places.edge_mm)
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
    whole = np.where(found.r > middle, half - np.abs(found.r - middle), np.float32(3.0))
    mix(signal, soft(rounded(whole, below, ROUNDED_MM), places.edge_mm), muscle)
    depth = np.minimum(found.rough(fine.trabeculae)[None], 0.25 * found.endo)
    cavity = np.minimum(found.endo - depth - found.r, below + np.float32(JOINED_MM))
    mix(signal, soft(cavity, places.edge_mm), fine.brightness[2] * blood)
    strands = np.roll(fine.trabeculae, N_AROUND // 3, axis=0)
    _crypts(signal, found.endo - found.r, found.rough(strands) - np.float32(0.9), muscle, places.edge_mm)
    _papillaries(signal, heart, fine, places, found, muscle)


def _crypts(signal: Signal, depth: Signal, half_mm: Signal, muscle: Signal, edge_mm: float) -> None:
    """Strands of muscle at some depth (t, n) in the cavity, with blood between them and the wall."""
    some = np.flatnonzero((half_mm > -0.3) & (np.abs(depth) < CRYPT_MM + 4.0).any(axis=0))
    part = signal[:, some]
    field = half_mm[some] - np.abs(depth[:, some] - np.float32(CRYPT_MM))
    mix(part, np.float32(0.85) * soft(np.minimum(field, np.float32(1.2)), edge_mm), muscle[some])
    signal[:, some] = part


def _papillaries(
    signal: Signal, heart: Heart, fine: FineStructure, places: Places, found: Lookup, muscle: Signal
) -> None:
    """Heads of the papillary muscles, which thicken, move inwards and meet the wall in systole."""
    ventricles = heart.ventricles
    for head in fine.papillaries:
        away = (found.theta - np.float32(head.angle) + np.pi) % (2.0 * np.pi) - np.pi
        beside = (np.abs(away) < 0.6) & (found.r < found.endo.max(axis=0)) & (found.r > 4.0)
        near = np.flatnonzero(beside & (found.z > head.low - 0.06) & (found.z < head.high + 0.06))
        if not near.size:
            continue
        z = places.s[near][None] / ventricles.length[:, None]
        along = np.clip((z - head.low) / (head.high - head.low), 0.0, 1.0)
        profile = np.sqrt(np.sqrt(np.clip(4.0 * along * (1.0 - along), 0.0, None)))
        endo = found.endo[:, near]
        narrow = np.minimum(endo / ventricles.radius_mm, 1.0)
        thick = head.radius_mm * (ventricles.radius_mm / 25.0) * profile * (1.3 - 0.3 * narrow)
        lumps = 0.9 + 0.2 * (muscle[near] > muscle.mean())
        gap = head.gap_mm * narrow**2 * np.minimum(1.6 * along, 1.0) - 1.2 * (1.0 - along)
        out = np.maximum(endo - gap - thick, 0.45 * endo)
        apart = np.hypot(found.r[near] - out, out * (away[near] - head.tilt * (along - 0.5)) * lumps)
        part = signal[:, near]
        share = soft(thick - apart, 1.2 * places.edge_mm) * soft(endo - found.r[near], places.edge_mm)
        mix(part, share * np.clip(thick - 0.6, 0.0, 1.0), muscle[near])
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
