"""Volumes, phases and function: values worked out by hand."""

import numpy as np
import pytest

from cinecohort.images import Image
from cinecohort.label_maps import LabelMap, annotated_masks, manual_map, segmentation_map
from cinecohort.measures import function
from cinecohort.measures.phases import end_diastole, end_systole, first_frame_deficit_pct
from cinecohort.measures.volumes import complete_areas, slice_areas, slice_spacing, volume_curve

NAN = np.nan


def test_volume_of_a_box_is_its_voxels_times_the_voxel() -> None:
    data = np.zeros((20, 20, 4, 2), dtype=np.uint8)
    data[2:12, 3:8, 1:3, 0] = 1
    data[2:12, 3:8, 1, 1] = 1
    labels = segmentation_map(Image(data, np.diag([1.5, 2.0, 8.0, 1.0])), "sa")
    areas = slice_areas(labels, "LV")
    assert areas[:, 0].tolist() == [0, 150, 150, 0]
    assert volume_curve(areas, slice_spacing(4, 8.0)).tolist() == [2.4, 1.2]


def test_sheared_grid_keeps_the_determinant() -> None:
    image = Image(np.ones((2, 2, 1, 1), dtype=np.uint8), np.diag([-1.5, 1.5, 10.0, 1.0]))
    labels = segmentation_map(image, "sa")
    volume = volume_curve(slice_areas(labels, "LV"), slice_spacing(1, image.spacing_mm[2]))
    assert volume[0] == pytest.approx(4 * image.voxel_volume_ml)


def test_uneven_slices_stand_for_half_the_way_to_their_neighbours() -> None:
    assert slice_spacing(4, 8.0, [0, 8, 20, 28]).tolist() == [8, 10, 10, 8]
    assert slice_spacing(4, 8.0, [28, 20, 8, 0]).tolist() == [8, 10, 10, 8]
    assert slice_spacing(3, 8.0).tolist() == [8, 8, 8]
    assert slice_spacing(1, 8.0, [5.0]).tolist() == [8]


@pytest.mark.parametrize(
    ("areas", "missing", "expected"),
    [
        ([100, 200, 100, 0], (), 400),
        ([NAN, 200, 100, NAN], (), 300),  # not annotated beyond its ends: not there
        ([100, NAN, 100, 0], (), NAN),  # not annotated inside: unknown
        ([100, 200, 100, 0], (1,), NAN),  # missing inside
        ([100, 200, 0, 0], (2,), NAN),  # missing beside: it may go on there
        ([100, 200, 0, 0], (3,), 300),  # missing far off
        ([0, NAN, 0, 0], (), 0),
        ([NAN, NAN, NAN, NAN], (), NAN),
    ],
)
def test_unknown_slices(areas: list[float], missing: tuple[int, ...], expected: float) -> None:
    volume = volume_curve(np.array([areas]).T, np.full(4, 10.0), missing)[0] * 100
    assert volume == pytest.approx(expected, nan_ok=True)


def test_unknown_slices_are_filled_when_asked() -> None:
    areas = np.array([[100.0, NAN, 300.0, 200.0]]).T
    assert complete_areas(areas, interpolate=True)[:, 0].tolist() == [100, 200, 300, 200]
    assert complete_areas(areas, (3,), interpolate=True)[:, 0].tolist() == [100, 200, 300, 0]


def test_end_diastole_and_systole() -> None:
    volume = np.array([90.0, 60.0, 60.0, 100.0, 100.0, 95.0])
    assert (end_diastole(volume), end_systole(volume)) == (3, 1)
    assert end_diastole(volume, "first") == 0
    assert (end_diastole(volume, "max", known=5), end_systole(volume, known=4)) == (5, 4)
    assert first_frame_deficit_pct(volume) == pytest.approx(10.0)


def test_frames_that_were_not_segmented_are_never_chosen() -> None:
    volume = np.array([NAN, 80.0, NAN, 30.0])
    assert (end_diastole(volume), end_diastole(volume, "first"), end_systole(volume)) == (1, 1, 3)
    assert np.isnan(first_frame_deficit_pct(volume))
    nothing = np.full(3, NAN)
    assert end_diastole(nothing) is None
    assert end_systole(np.array([NAN, 80.0])) is None


def test_function() -> None:
    assert function.mass_g(100.0) == pytest.approx(105.0)


def test_heart_rate_of_a_cycle_and_of_a_placeholder() -> None:
    assert function.heart_rate_from_cycle(50, 0.02) == pytest.approx(60.0)
    assert function.heart_rate_from_cycle(30, 1.0) is None
    assert function.heart_rate_from_cycle(30, None) is None


def test_annotated_slices_come_from_the_sidecar() -> None:
    data = np.ones((2, 2, 3, 2), dtype=np.uint8)
    sidecar = {"annotated": {"1": {"LV": [0, 2], "OTHER": [1]}}, "ed_frame": 1, "es_frame": None}
    labels = manual_map(Image(data, np.eye(4), sidecar=sidecar), "sa")
    assert labels.annotated["LV"].tolist() == [[False, True], [False, False], [False, True]]
    assert not labels.annotated["MYO"].any()
    assert (labels.ed_frame, labels.es_frame) == (1, None)
    assert not annotated_masks({}, "la_4ch", 1, 2)["RA"].any()


def test_without_a_sidecar_what_is_drawn_is_annotated() -> None:
    data = np.zeros((2, 2, 3, 2), dtype=np.uint8)
    data[0, 0, 1, 1] = 1
    labels = manual_map(Image(data, np.eye(4)), "sa")
    assert labels.frames("LV").tolist() == [False, True]
    assert labels.frames("RV").tolist() == [False, False]
    assert isinstance(labels, LabelMap)
