"""Which slices of solid myocardium are an apex, by areas worked out from radii."""

import numpy as np
import pytest

from cinecohort.label_maps import solid_slices


def discs(*radii: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Pixels of cavity and wall by slice, from the radii of both borders."""
    lv = np.array([round(np.pi * inner**2) for inner, _ in radii])
    return lv, np.array([round(np.pi * outer**2) for _, outer in radii]) - lv


@pytest.mark.parametrize(
    ("end", "is_solid"),
    [
        ((0.0, 5.0), False),  # as thick as two walls: an apex
        ((0.0, 6.2), False),  # 2.4 walls, yet a third of the heart in the next slice
        ((0.0, 9.0), True),  # nearly as large as the next slice: its cavity was not drawn
        ((3.0, 6.2), False),  # has its cavity
    ],
)
def test_an_end_slice_is_an_apex_if_thin_or_small(end: tuple[float, float], is_solid: bool) -> None:
    lv, wall = discs(end, (8.0, 10.6), (11.0, 14.0), (11.5, 15.0))
    assert solid_slices(lv, wall) == ([0] if is_solid else [])


def test_between_slices_with_a_cavity_none_may_be_solid() -> None:
    lv, wall = discs((4.0, 7.0), (0.0, 2.0), (9.0, 12.0))
    assert solid_slices(lv, wall) == [1]
