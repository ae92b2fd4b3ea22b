"""Label checks: which frames are ED and ES, what is missing, and swapped cavities."""

import numpy as np
import pytest

from cinecohort.conversion.label_checks import (
    annotate_everything,
    check_completeness,
    check_enclosure,
    choose_frames,
    enclosed_share,
)
from cinecohort.findings import Finding, Level

SHAPE = (40, 40, 5, 20)


def plane(radius: float) -> np.ndarray:
    x, y = np.indices(SHAPE[:2])
    distance = np.hypot(x - 16, y - 20)
    labels = np.zeros(SHAPE[:2], dtype=np.uint8)
    labels[(x > 16) & (distance < radius + 9)] = 3
    labels[distance < radius + 3] = 2
    labels[distance < radius] = 1
    return labels


def volume(radii: dict[int, float]) -> np.ndarray:
    labels = np.zeros(SHAPE, dtype=np.uint8)
    for frame, radius in radii.items():
        labels[..., frame] = plane(radius)[:, :, None]
    return labels


def chosen(labels: np.ndarray, view: str = "sa") -> tuple[int | None, int | None]:
    frames = np.flatnonzero(labels.any(axis=(0, 1, 2))).tolist()
    return choose_frames(labels, annotate_everything(labels, view, frames), view)


def said_of(labels: np.ndarray, **roles: int | None) -> list[Finding]:
    frames = np.flatnonzero(labels.any(axis=(0, 1, 2))).tolist()
    return check_completeness(labels, annotate_everything(labels, "sa", frames), "sa", roles, observer="O1")


def test_ed_is_the_frame_with_the_largest_lv_wherever_it_lies() -> None:
    assert chosen(volume({0: 9, 7: 5})) == (0, 7)
    assert chosen(volume({18: 9, 7: 5})) == (18, 7)


def test_of_many_frames_the_extremes_are_taken() -> None:
    assert chosen(volume({0: 9, 6: 5, 7: 4, 8: 6})) == (0, 7)


def test_complete_frames_are_preferred() -> None:
    labels = volume({0: 9, 7: 5, 10: 3})
    labels[..., 10][labels[..., 10] == 3] = 0
    assert chosen(labels) == (0, 7)


def test_frames_with_the_lv_alone_count_where_none_is_complete() -> None:
    labels = volume({19: 9, 7: 5})
    labels[labels == 3] = 0
    labels[..., 7][labels[..., 7] == 2] = 0
    assert chosen(labels) == (19, 7)


@pytest.mark.parametrize(("frame", "roles"), [(0, (0, None)), (18, (18, None)), (7, (None, 7))])
def test_a_single_frame_has_the_role_of_its_place(frame: int, roles: tuple[int | None, int | None]) -> None:
    assert chosen(volume({frame: 8})) == roles


def test_the_atrium_is_largest_at_es() -> None:
    labels = np.zeros((*SHAPE[:2], 1, 20), dtype=np.uint8)
    labels[5:20, 5:20, 0, 0] = 1
    labels[5:25, 5:25, 0, 8] = 1
    labels[5:15, 5:15, 0, 15] = 1
    assert chosen(labels, "la_2ch") == (0, 8)
    labels[..., 0] = 0
    assert chosen(labels, "la_2ch") == (15, 8)


def test_a_slice_drawn_elsewhere_in_the_cycle_is_no_end_systole() -> None:
    """One slice has the smallest LV volume of all, and the ejection fraction would be 94 %."""
    labels = volume({0: 9, 7: 5, 14: 8})
    labels[:, :, :2, 14] = labels[:, :, 3:, 14] = 0
    assert chosen(labels) == (0, 7)
    (finding,) = said_of(labels, ed=0, es=7)
    assert finding.frames == (14,)
    assert "less than half of the 5 slices of the fullest frame in frame 14 (1 slice)" in finding.message


def test_an_end_systole_drawn_in_a_few_slices_is_none() -> None:
    labels = volume({0: 9, 7: 5})
    labels[:, :, :3, 7] = 0
    assert chosen(labels) == (0, None)
    missing, partly = said_of(labels, ed=0, es=None)
    assert "no ES frame" in missing.message
    assert partly.frames == (7,)
    labels = volume({0: 9, 7: 5})
    labels[:, :, :2, 7] = 0
    assert chosen(labels) == (0, 7)


def test_nothing_annotated_has_no_frames() -> None:
    assert choose_frames(np.zeros(SHAPE, dtype=np.uint8), {}, "sa") == (None, None)
    assert choose_frames(np.zeros(SHAPE, dtype=np.uint8), {}, "la_3ch") == (None, None)


def incomplete(
    labels: np.ndarray, roles: dict[str, int | None], expected: dict[str, tuple[str, ...]] | None = None
) -> list[Finding]:
    frames = [frame for frame in roles.values() if frame is not None]
    annotated = annotate_everything(labels, "sa", frames)
    return check_completeness(labels, annotated, "sa", roles, observer="O1", expected=expected)


def test_complete_labels_have_no_finding() -> None:
    labels = volume({0: 9, 7: 5})
    labels[:, :, [0, 4]] = 0
    assert incomplete(labels, {"ed": 0, "es": 7}) == []


def test_a_frame_that_is_missing() -> None:
    (finding,) = incomplete(volume({0: 9}), {"ed": 0, "es": None})
    assert (finding.code, finding.level, finding.view) == ("LABEL_INCOMPLETE", Level.REVIEW, "sa")
    assert "ES" in finding.message


def test_a_slice_that_is_missing_between_others() -> None:
    labels = volume({0: 9, 7: 5})
    labels[:, :, 2, 7] = 0
    findings = incomplete(labels, {"ed": 0, "es": 7})
    assert [(f.slices, f.frames) for f in findings] == [((2,), (7,))] * 3


def test_a_structure_that_is_missing_in_one_slice_only() -> None:
    labels = volume({0: 9, 7: 5})
    labels[:, :, 1:3, 0][labels[:, :, 1:3, 0] == 3] = 0
    (finding,) = incomplete(labels, {"ed": 0, "es": 7})
    assert (finding.slices, finding.frames) == ((1, 2), (0,))
    assert "RV" in finding.message


def test_a_structure_that_is_missing_altogether() -> None:
    labels = volume({0: 9, 7: 5})
    labels[labels == 2] = 0
    findings = incomplete(labels, {"ed": 0, "es": 7})
    assert [("MYO" in f.message, f.frames) for f in findings] == [(True, (0,)), (True, (7,))]


def test_only_what_the_protocol_draws_is_expected() -> None:
    labels = volume({0: 9, 7: 5})
    labels[labels == 3] = 0
    labels[..., 7][labels[..., 7] == 2] = 0
    roles = {"ed": 0, "es": 7}
    assert incomplete(labels, roles, {"ed": ("LV", "MYO"), "es": ("LV",)}) == []
    assert len(incomplete(labels, roles)) == 3


def test_share_of_the_border_by_hand() -> None:
    """A 2 x 2 cavity has 8 border pixels (by edge); wall at 5 of them."""
    labels = np.zeros((6, 6, 2), dtype=np.uint8)
    labels[2:4, 2:4, 0] = 1
    for x, y in ((1, 2), (1, 3), (4, 2), (4, 3), (2, 1)):
        labels[x, y, 0] = 2
    labels[2:4, 2:4, 1] = 1
    assert enclosed_share(labels, 1) == pytest.approx(5 / 8)
    assert enclosed_share(labels, 3) is None


def enclosure(labels: np.ndarray) -> list[Finding]:
    return check_enclosure(labels, "sa", [0, 7], observer="O1", threshold=0.7)


def test_a_heart_passes() -> None:
    assert enclosure(volume({0: 9, 7: 5})) == []


@pytest.mark.parametrize("coding", [[0, 3, 2, 1], [0, 2, 1, 3]], ids=["LV and RV", "LV and MYO"])
def test_a_swap_is_found_in_each_frame(coding: list[int]) -> None:
    findings = enclosure(np.array(coding, dtype=np.uint8)[volume({0: 9, 7: 5})])
    assert [(f.code, f.level, f.frames) for f in findings] == [
        ("LABEL_SWAP", Level.REVIEW, (0,)),
        ("LABEL_SWAP", Level.REVIEW, (7,)),
    ]
    assert all(f.value is not None and f.value < 0.7 and f.threshold == 0.7 for f in findings)


def test_without_myocardium_nothing_is_said() -> None:
    labels = volume({0: 9, 7: 5})
    labels[labels == 2] = 0
    assert enclosure(labels) == []
    labels[labels == 3] = 0
    assert check_enclosure(labels, "la_2ch", [0], observer="O1", threshold=0.7) == []
