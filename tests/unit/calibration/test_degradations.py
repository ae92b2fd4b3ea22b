import numpy as np
import pytest

from cinecohort.calibration.degradations import DEGRADATIONS, degraded, restored
from support.hearts import disc_heart

SHAPE = (96, 96)


def heart():
    """Image and labels (x, y, z, 2) of a heart of discs, smaller in the second frame."""
    frames = [
        np.stack([disc_heart(SHAPE, (55, 48), r * part, 6, (25, 48), 12 * part) for r in range(16, 8, -1)], 2)
        for part in (1.0, 0.7)
    ]
    labels = np.stack(frames, axis=3)
    noise = np.random.default_rng(0).normal(0, 5, labels.shape)
    return np.array([40, 200, 80, 180])[labels] + noise, labels


@pytest.mark.parametrize("kind", DEGRADATIONS)
def test_every_degradation_is_repeatable_and_changes_the_image(kind):
    data, _ = heart()
    first, again = (degraded(data, kind, "a") for _ in range(2))
    assert np.array_equal(first.data, again.data)
    assert first.data.dtype == np.float32
    assert np.isfinite(first.data).all()
    assert first.data.shape[:2] == SHAPE
    assert first.data.shape[2] == len(first.slices) == len(first.shifts)
    assert first.data.shape != data.shape or not np.allclose(first.data, data, atol=1.0)
    others = [degraded(data, kind, "a", seed=2), *(degraded(data, kind, name) for name in "bcd")]
    assert any(o.data.shape != first.data.shape or not np.array_equal(o.data, first.data) for o in others)


@pytest.mark.parametrize("kind", DEGRADATIONS)
@pytest.mark.parametrize("subject", "abc")
def test_labels_come_back_to_where_the_heart_is(kind, subject):
    data, labels = heart()
    made = degraded(data, kind, subject)
    places = zip(made.slices, made.shifts, strict=True)
    shown = np.stack([np.roll(labels[:, :, z], tuple(shift), axis=(0, 1)) for z, shift in places], axis=2)
    back = restored(shown, made, labels.shape[2])
    assert back.shape == labels.shape
    repeated = len(made.slices) == labels.shape[2] and len(set(made.slices)) < labels.shape[2]
    for z in range(labels.shape[2]):
        if z in made.slices:
            assert np.array_equal(back[:, :, z], labels[:, :, z])
        elif repeated:
            assert np.array_equal(back[:, :, z], labels[:, :, z - 1])
        else:
            assert not back[:, :, z].any()


def test_ghosts_are_copies_beside_the_heart():
    data, _ = heart()
    added = degraded(data, "ghosting", "a").data - data
    assert added.min() > -1e-3 * data.max() - 15
    assert added.max() > 20


def test_low_contrast_keeps_the_mean_and_loses_the_difference():
    data, labels = heart()
    poor = degraded(data, "low_contrast", "a").data
    before = data[labels == 1].mean() - data[labels == 2].mean()
    after = poor[labels == 1].mean() - poor[labels == 2].mean()
    assert 0 < after < 0.8 * before
    assert poor.mean() == pytest.approx(data.mean(), rel=0.05)


def test_a_stack_off_centre_lacks_slices_of_one_end():
    data, _ = heart()
    kept = degraded(data, "off_centre", "a").slices
    assert len(kept) in (5, 6)
    assert np.ptp(kept) == len(kept) - 1
    assert (kept[0] == 0) != (kept[-1] == 7)
