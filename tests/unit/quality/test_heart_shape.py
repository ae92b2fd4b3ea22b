import numpy as np
import pytest

from cinecohort.quality.heart_shape import ellipse_share, roughness, shape_numbers, wall_unevenness
from cinecohort.quality.short_axis import ShortAxis
from support.hearts import disc_heart


def test_a_cone_is_smooth_and_a_notch_is_not():
    radius = np.arange(8.0, 0.0, -1.0)
    assert roughness(radius**2) == pytest.approx(0.0, abs=1e-12)
    notched = radius.copy()
    notched[3] = 0.0
    # Second differences of 8 7 6 0 4 3 2 1 are 0, -5, 10, -5, 0, 0.
    expected = np.sqrt((25 + 100 + 25) / 6) / notched.mean()
    assert roughness(notched**2) == pytest.approx(expected)


@pytest.mark.parametrize("area", [np.zeros(8), np.array([0, 4.0, 4.0, 4.0, 0])])
def test_short_profiles_say_nothing(area):
    assert np.isnan(roughness(area))


def test_an_ellipse_is_one_and_a_crescent_less():
    x, y = np.indices((80, 80))
    ellipse = ((x - 40) / 30) ** 2 + ((y - 40) / 12) ** 2 < 1
    assert ellipse_share(ellipse) == pytest.approx(1.0, abs=0.01)
    crescent = (np.hypot(x - 40, y - 40) < 25) & (np.hypot(x - 50, y - 40) > 25)
    assert ellipse_share(crescent) < 0.85
    assert np.isnan(ellipse_share(np.eye(4, dtype=bool)))


def test_an_even_wall_has_no_unevenness_and_a_thin_side_has():
    even = disc_heart((96, 96), (48, 48), 16, 8, (10, 48), 1)
    assert wall_unevenness(even, (1.0, 1.0)) < 0.05
    thin = even.copy()
    thin[:48][thin[:48] == 2] = 0
    assert wall_unevenness(thin, (1.0, 1.0)) > 0.8


def stack(radii, rv=12.0):
    """Heart (x, y, z, 2): discs of these radii at end-diastole, three quarters of them at end-systole."""
    frames = [
        np.stack([disc_heart((96, 96), (55, 48), r * part, 6, (25, 48), rv * part) for r in radii], axis=2)
        for part in (1.0, 0.75)
    ]
    labels = np.stack(frames, axis=3)
    return ShortAxis(labels, (1.0, 1.0, 10.0), np.eye(4), np.arange(2), 2, 0)


def test_numbers_of_a_heart_made_of_discs():
    heart = stack([16, 15, 14, 13, 12, 11, 10])
    numbers = shape_numbers(heart)
    assert numbers["lv_roughness"] < 0.05
    assert numbers["lv_ellipse_gap"] < 0.02
    volumes = {label: heart.counts[label].sum(axis=0) for label in (1, 2, 3)}
    assert numbers["mass_change"] == pytest.approx(abs(np.log(volumes[2][1] / volumes[2][0])))
    left, right = (volumes[label][0] - volumes[label][1] for label in (1, 3))
    assert numbers["sv_difference"] == pytest.approx(2 * abs(left - right) / (volumes[1][0] + volumes[3][0]))
    assert numbers["rv_lv_ratio"] == pytest.approx(abs(np.log(volumes[3][0] / volumes[1][0])))


def test_a_lost_slice_shows_in_the_profile():
    heart = stack([16, 15, 14, 13, 12, 11, 10])
    heart.labels[:, :, 3, 1] = 0
    assert shape_numbers(heart)["lv_roughness"] > 0.3


def test_without_an_rv_its_numbers_are_undefined():
    heart = stack([16, 15, 14, 13, 12, 11, 10])
    heart.labels[heart.labels == 3] = 0
    numbers = shape_numbers(heart)
    assert np.isnan(numbers["rv_roughness"])
    assert np.isnan(numbers["rv_lv_ratio"])
    assert np.isfinite(numbers["lv_roughness"])
