"""The analytic heart: wanted volumes, conserved mass, closed forms against brute force."""

import numpy as np
import pytest
from scipy.integrate import simpson

from cinecohort.measures.atria import area_and_length
from cinecohort.phantom.atria import Outline, build_atrium
from cinecohort.phantom.contours import fields
from cinecohort.phantom.cycle import make_cycle
from cinecohort.phantom.heart import build_heart
from cinecohort.phantom.options import PhantomOptions
from cinecohort.phantom.people import draw_person
from cinecohort.phantom.subject import make_subject
from cinecohort.phantom.ventricles import DENSITY_G_ML, Plane, sector, volumes, waves


@pytest.fixture(scope="module")
def heart():
    return build_heart(draw_person(1, seed=1), n_frames=12, seed=1)


def test_volumes_at_ed_and_es_are_those_of_the_person(heart):
    targets = draw_person(1, seed=1).targets
    truth, es = heart.truth(), heart.cycle.es_frame
    assert truth["lv_ml"][0] == pytest.approx(targets.lvedv_ml, rel=1e-3)
    assert truth["lv_ml"][es] == pytest.approx(targets.lvesv_ml, rel=1e-3)
    assert truth["rv_ml"][0] == pytest.approx(targets.rvedv_ml, rel=1e-3)
    assert truth["rv_ml"][es] == pytest.approx(targets.rvesv_ml, rel=1e-3)
    assert truth["lvm_g"][0] == pytest.approx(targets.lvm_g, rel=1e-3)
    assert truth["la_ml"].max() == pytest.approx(targets.la_max_ml, rel=1e-3)
    assert truth["ra_ml"].min() == pytest.approx(targets.ra_min_ml, rel=1e-3)


def test_es_is_the_smallest_lv_and_the_largest_atrium(heart):
    truth = heart.truth()
    assert truth["lv_ml"].argmin() == truth["la_ml"].argmax() == heart.cycle.es_frame


def test_mass_is_the_same_in_every_frame(heart):
    mass = heart.truth()["lvm_g"]
    assert mass == pytest.approx(np.full(12, mass[0]), rel=5e-3)


def test_integrals_agree_with_counting_points(heart):
    """A Monte-Carlo count of random points in a box, which shares no code with the integrals."""
    frames = np.array([0, heart.cycle.es_frame])
    ventricles = heart.ventricles.at(frames)
    rng = np.random.default_rng(5)
    low, high = np.array([-95.0, -85.0, -15.0]), np.array([45.0, 85.0, 125.0])
    x, y, s = (low + (high - low) * rng.random((300_000, 3))).T
    r, theta = np.hypot(x, y), np.arctan2(y, x)
    endo = ventricles.endocardium(theta, s)
    epi = ventricles.epicardium(theta, s)
    right = ventricles.right(theta, s)

    def below(plane):
        rise = plane.slope * (x * np.cos(plane.direction) + y * np.sin(plane.direction))
        return s < plane.position[:, None] + rise

    box_ml = np.prod(high - low) / 1000.0
    lv = ((r < endo) & below(ventricles.mitral)).mean(axis=1) * box_ml
    muscle = ((r < epi) & (r >= endo) & below(ventricles.mitral)).mean(axis=1) * box_ml
    rv = ((r < right) & (r >= epi) & below(ventricles.tricuspid)).mean(axis=1) * box_ml
    found = volumes(ventricles)
    assert found.lv_ml == pytest.approx(lv, rel=0.03)
    assert found.myocardium_g == pytest.approx(muscle * DENSITY_G_ML, rel=0.03)
    assert found.rv_ml == pytest.approx(rv, rel=0.03)


@pytest.mark.parametrize(
    ("height", "slope", "expected"),
    [
        (5.0, 0.0, 50.0),  # whole: 10²/2
        (-5.0, 0.0, 0.0),
        (2.0, -0.5, 8.0),  # up to r = 4
        (-2.0, 0.5, 42.0),  # from r = 4 on
        (2.0, 0.5, 50.0),
        (-9.0, 0.5, 0.0),  # crosses beyond the surface
    ],
)
def test_sector_below_a_tilted_plane(height, slope, expected):
    found = sector(np.array(10.0), np.array(height), np.array(slope))
    assert float(found) == pytest.approx(expected)


def test_atrium_of_round_sections_is_a_solid_of_revolution():
    """By hand: the superellipse from annulus to roof, integrated over its height by Simpson's rule."""
    valve = Plane(np.array([12.0]), 0.3, 0.4)
    atrium = build_atrium(
        np.array([60.0]),
        valve,
        outline=Outline(away=0.2, septal=1.0),
        septum=(-20.0, 3.0),
        annulus=(0.0, 0.0),
        annulus_mm=np.array([15.0]),
        height_mm=50.0,
        drift=(3.0, -5.0),
    )
    radius, height = atrium.radius_mm[0], 50.0
    lowest = 0.5 / (1.0 - (15.0 / radius) ** 3) ** (1 / 3)
    share = np.linspace(0.0, 1.0, 20001)
    away = np.where(share > 0.5, (share - 0.5) / 0.5, (0.5 - share) / lowest)
    area = np.pi * radius**2 * np.clip(1.0 - away**3, 0.0, None) ** (2 / 3)
    assert simpson(area, x=share * height) / 1000.0 == pytest.approx(60.0, rel=2e-3)


def test_atria_hold_their_volume_by_counting_points_and_do_not_overlap():
    """Random points in a box, in hearts of all shapes."""
    rng = np.random.default_rng(3)
    for number in range(1, 5):
        heart = build_heart(draw_person(number, seed=1), n_frames=8, seed=1, randomise=number > 2)
        frames = np.array([0, heart.cycle.es_frame])
        low = np.array([-150.0, -80.0, 30.0])
        high = np.array([110.0, 110.0, 230.0])
        points = (low + (high - low) * rng.random((250_000, 3))).T
        left, right = (
            atrium.at(frames).field(*points) > 0 for atrium in (heart.left_atrium, heart.right_atrium)
        )
        assert not (left & right).any()
        box_ml = np.prod(high - low) / 1000.0
        truth = heart.truth()
        assert left.mean(axis=1) * box_ml == pytest.approx(truth["la_ml"][frames], rel=0.1)
        assert right.mean(axis=1) * box_ml == pytest.approx(truth["ra_ml"][frames], rel=0.1)


def test_both_views_see_about_the_same_left_atrium():
    """Volumes from the 2- and the 4-chamber view alone, at the atrium's largest; M4 flags 1.7 and more."""
    ratios = []
    for number in (1, 3, 5, 10):
        _, phantom, slices, _ = make_subject(number, PhantomOptions(frames=8, faults=False))
        frame, volumes = phantom.heart.cycle.es_frame, {}
        for image in slices:
            if image.view in ("la_2ch", "la_4ch"):
                mask = fields(phantom.heart, phantom.pose, image, frame)["LA"] > 0
                area, length = area_and_length(mask, (image.pixel_mm, image.pixel_mm), None)
                volumes[image.view] = area**2 / length
        ratios.append(volumes["la_2ch"] / volumes["la_4ch"])
    assert min(ratios) > 0.85
    assert max(ratios) < 1.35


def test_departures_from_round_by_hand():
    departures = ((2, (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)),)
    theta, z = np.array([0.0, np.pi / 4]), np.array([0.75, 0.0])
    # z = 0.75: 2z - 1 = 0.5 and 2(2z - 1)^2 - 1 = -0.5; cos 2 theta is 1, then 0; sin 2 theta 0, then 1.
    assert waves(departures, theta, z) == pytest.approx([0.1 + 0.15 - 0.25, 0.2 - 0.4 + 0.6])
    assert not waves((), theta, z).any()


def test_wall_is_thinner_at_the_apex_and_uneven_around(heart):
    theta = np.linspace(0.0, 2.0 * np.pi, 72, endpoint=False)
    now = heart.ventricles.at(np.array([0]))
    z = np.array([0.2, 0.6]) * now.length_ed
    endo, epi, _ = now.surfaces(theta[None], z[:, None])
    wall = (epi - endo)[0]
    assert 0.5 < wall[0].mean() / wall[1].mean() < 0.9
    assert 0.8 < np.ptp(wall[1]) < 5.0


def test_rv_narrows_to_nothing_where_it_meets_the_septum(heart):
    now, shape = heart.ventricles.at(np.array([0])), heart.ventricles.shape
    theta = shape.rv_angle + shape.rv_span * np.linspace(-1.5, 1.5, 601)
    s = np.full(1, 0.6 * now.length_ed)
    width = (now.right(theta, s) - now.epicardium(theta, s))[0]
    inside = np.flatnonzero(width > 1e-9)
    assert width[[inside[0], inside[-1]]].max() < 0.03 * width.max()
    assert np.abs(np.diff(width)).max() < 0.03 * width.max()


def test_systole_is_a_smaller_share_of_a_slow_cycle():
    slow, fast = (make_cycle(100, rate).es_frame for rate in (50.0, 90.0))
    assert slow < fast


def test_pathologies_have_their_volumes():
    people = [draw_person(number, seed=1, population=True) for number in range(1, 1500)]

    def mean(pathology, name):
        return np.mean([getattr(p.targets, name) for p in people if p.pathology == pathology])

    def fraction(pathology, side):
        return 1 - mean(pathology, f"{side}esv_ml") / mean(pathology, f"{side}edv_ml")

    assert mean("dcm", "lvedv_ml") > 1.4 * mean("", "lvedv_ml")
    assert fraction("dcm", "lv") < 0.35
    assert mean("hcm", "lvm_g") > 1.5 * mean("", "lvm_g")
    assert fraction("infarct", "lv") < 0.45
    assert fraction("abnormal_rv", "rv") < 0.42
    assert mean("aortic_stenosis", "lvm_g") > 1.25 * mean("", "lvm_g")
