"""What must hold of volumes, ventricular measures and measures that are not given, for any label map."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cinecohort.catalogue.findings import Code
from cinecohort.images import Image
from cinecohort.label_maps import segmentation_map
from cinecohort.measures.derived import with_derived
from cinecohort.measures.options import MeasureOptions
from cinecohort.measures.ventricles import StackFacts, ventricular_curves, ventricular_measures
from cinecohort.measures.voids import Void, measures_of, read_voided, ventricular_voids, voided_text
from cinecohort.measures.volumes import complete_areas, slice_spacing, volume_curve

NAN = float("nan")
OPTIONS = MeasureOptions()
MAPS = arrays(np.uint8, (4, 5, 6, 2), elements=st.integers(0, 3))
SPACINGS = st.tuples(st.floats(0.5, 3), st.floats(0.5, 3), st.floats(2, 15))
AREAS = arrays(float, (7, 2), elements=st.sampled_from([0.0, 50.0, 120.0, 300.0, NAN]))
POSITIONS = st.lists(st.floats(0.5, 20), min_size=6, max_size=6).map(lambda steps: np.cumsum([0.0, *steps]))


def measures(labels: np.ndarray, spacing: tuple[float, float, float], facts: StackFacts) -> dict[str, float]:
    image = Image(labels, np.diag([*spacing, 1.0]))
    curves = ventricular_curves(segmentation_map(image, "sa"), facts, OPTIONS)
    return ventricular_measures(curves, 0, 1, OPTIONS)


@given(POSITIONS, st.floats(-500, 500))
def test_thickness_does_not_depend_on_origin_or_direction(positions: np.ndarray, origin: float) -> None:
    thickness = slice_spacing(7, 8.0, positions)
    np.testing.assert_allclose(slice_spacing(7, 8.0, positions + origin), thickness, atol=1e-9)
    np.testing.assert_allclose(slice_spacing(7, 8.0, -positions), thickness)
    np.testing.assert_allclose(slice_spacing(7, 8.0, positions[::-1])[::-1], thickness)
    # The two outer halves reach as far beyond the outer centres as the inner ones.
    ends = (positions[1] - positions[0] + positions[-1] - positions[-2]) / 2
    np.testing.assert_allclose(thickness.sum(), positions[-1] - positions[0] + ends)


@given(AREAS, POSITIONS, st.sets(st.integers(0, 6), max_size=2))
def test_volumes_of_a_stack_that_is_turned_round_are_the_same(
    areas: np.ndarray, positions: np.ndarray, missing: set[int]
) -> None:
    thickness = slice_spacing(7, 8.0, positions)
    for interpolate in (False, True):
        volume = volume_curve(areas, thickness, sorted(missing), interpolate=interpolate)
        turned = [6 - place for place in missing]
        reverse = volume_curve(areas[::-1], thickness[::-1], turned, interpolate=interpolate)
        np.testing.assert_allclose(reverse, volume, equal_nan=True)
        np.testing.assert_allclose(
            volume_curve(areas, 2 * thickness, sorted(missing), interpolate=interpolate), 2 * volume
        )


@given(AREAS, st.sets(st.integers(0, 6), max_size=2))
def test_known_areas_stay_and_a_frame_is_known_as_a_whole_or_not_at_all(
    areas: np.ndarray, missing: set[int]
) -> None:
    completed = complete_areas(areas, sorted(missing))
    unknown = np.isnan(completed)
    assert (unknown.all(axis=0) | ~unknown.any(axis=0)).all()
    sent = ~np.isin(np.arange(7), sorted(missing))[:, None]
    kept = ~np.isnan(areas) & sent & ~unknown
    np.testing.assert_array_equal(completed[kept], areas[kept])
    filled = complete_areas(areas, sorted(missing), interpolate=True)
    np.testing.assert_array_equal(filled[~unknown], completed[~unknown])
    assert np.isnan(filled).all(axis=0).tolist() == (~(~np.isnan(areas) & sent).any(axis=0)).tolist()


@given(MAPS, SPACINGS)
def test_volumes_are_voxels_times_their_size(labels: np.ndarray, spacing: tuple[float, float, float]) -> None:
    got = measures(labels, spacing, StackFacts())
    voxel = np.prod(spacing) / 1000
    for column, label, frame, factor in (
        ("lvedv_ml", 1, 0, 1.0),
        ("lvesv_ml", 1, 1, 1.0),
        ("rvedv_ml", 3, 0, 1.0),
        ("rvesv_ml", 3, 1, 1.0),
        ("lvm_g", 2, 0, 1.05),
    ):
        count = np.count_nonzero(labels[..., frame] == label)
        # A ventricle is never empty: nothing found is a failure, not 0 mL.
        np.testing.assert_allclose(got[column], count * voxel * factor if count else NAN)


@given(MAPS, SPACINGS, st.permutations(range(3)), st.tuples(*[st.booleans()] * 3))
def test_measures_do_not_depend_on_where_in_the_image_the_heart_lies(
    labels: np.ndarray, spacing: tuple[float, float, float], order: list[int], flips: tuple[bool, ...]
) -> None:
    plain = measures(labels, spacing, StackFacts())
    other = np.flip(labels, [axis for axis, flip in enumerate(flips) if flip])
    padded = np.pad(other, ((2, 0), (1, 3), (1, 2), (0, 0)))
    if order[2] == 2:  # rows and columns exchanged; slices stay slices
        padded, spacing = padded.transpose(*order, 3), tuple(spacing[axis] for axis in order)
    moved = measures(np.ascontiguousarray(padded), spacing, StackFacts())
    assert moved.keys() == plain.keys()
    np.testing.assert_allclose(list(moved.values()), list(plain.values()))


@given(MAPS, st.sets(st.integers(0, 5), max_size=3))
def test_what_is_no_number_has_a_reason(labels: np.ndarray, missing: set[int]) -> None:
    label_map = segmentation_map(Image(labels, np.diag([1.5, 1.5, 8.0, 1.0])), "sa")
    curves = ventricular_curves(label_map, StackFacts(missing_slices=tuple(sorted(missing))), OPTIONS)
    known = {"heart_rate_bpm": 60.0, **ventricular_measures(curves, 0, 1, OPTIONS)}
    numbers = with_derived(known)
    voids = ventricular_voids(label_map, curves, numbers, (0, 1), OPTIONS)
    listed = {name for void in voids for name in void.measures}
    printed = {name for structure in ("LV", "MYO", "RV") for name in measures_of(structure)}
    assert {name for name in printed & numbers.keys() if np.isnan(numbers[name])} <= listed
    if (numbers["lvesv_ml"] >= numbers["lvedv_ml"]) or not (labels == 1).any(axis=(0, 1, 2)).all():
        assert {"lvedv_ml", "lvesv_ml", "lvef_pct"} <= listed


REASONS = st.text(st.characters(codec="ascii", categories=("L", "N", "Zs")), min_size=1)


@given(
    st.lists(
        st.builds(
            Void,
            st.lists(st.sampled_from(["lvedv_ml", "lvesv_ml", "rvef_pct"]), min_size=1).map(tuple),
            st.sampled_from(list(Code)),
            REASONS,
        )
    )
)
def test_reasons_come_back_from_the_table_as_they_were_written(voids: list[Void]) -> None:
    expected = [
        {"measure": name, "code": void.code.value, "reason": void.reason}
        for void in voids
        for name in void.measures
    ]
    assert read_voided(voided_text(voids)) == expected
