from dataclasses import replace

import numpy as np
import pytest

from cinecohort.quality.made_by import MADE_BY, differences, made_by
from cinecohort.quality.predictors import PREFIX, frame_pair, predictors
from cinecohort.quality.short_axis import ShortAxis
from support.hearts import disc_heart

SIDECAR = {
    "weights": "net",
    "weights_sha256": "0123456789abcdef",
    "engine": "openvino",
    "precision": "bf16",
    "clean_up": {"largest_component": True, "fill_holes": True},
    "inference": {"test_time_augmentation": "none"},
    "heart_region": {"margin_mm": 25.0},
}
CONFIDENCE = {
    "frames": [0, 4],
    "second": {"LV": 0.9, "MYO": 0.8, "RV": None},
    "expected_dice": {"LV": 0.97, "MYO": 0.9, "RV": 0.95},
    "entropy": {"LV": 0.1, "MYO": 0.2, "RV": 0.15},
    **{
        f"{kind}voxels": {name: [900, 500] for name in ("LV", "MYO", "RV")}
        for kind in ("", "expected_", "sure_", "possible_", "second_")
    },
    "area_difference": {"LV": [0.1, 0.2], "MYO": [0.3, 0.2], "RV": [0.1, 0.1]},
    "second_network": "other@76543210",
}


def cine(frames=8):
    """A beating heart of discs, smallest in frame 4, with a hole in the ring of frame 2."""
    sizes = 1 - 0.3 * np.sin(np.pi * np.arange(frames) / frames)
    frames_of = []
    for size in sizes:
        slices = [disc_heart((96, 96), (55, 48), r * size, 6, (25, 48), 14 * size) for r in range(17, 10, -1)]
        frames_of.append(np.stack(slices, axis=2))
    labels = np.stack(frames_of, axis=3)
    labels[50:61, 54:, :, 2] = 0
    return ShortAxis(labels, (1.5, 1.5, 10.0), np.eye(4), np.arange(frames), frames, 0)


def pair(heart, frames=(0, 4)):
    """The same heart, of which these frames alone are there."""
    kept = heart.labels[..., list(frames)]
    return replace(heart, labels=kept, frames=np.arange(2), n_frames=2, ed=0)


def numbers(heart, sidecar, named_es=None, contrast=None):
    """Predictors of a heart at the frames that are taken."""
    return predictors(heart, frame_pair(heart, sidecar, named_es), sidecar, {"contrast": contrast})


def test_a_cine_and_its_two_frames_give_the_same_numbers():
    whole = numbers(cine(), SIDECAR, None, 0.4)
    alone = numbers(pair(cine()), SIDECAR, 1, 0.4)
    assert whole == alone
    assert whole[f"{PREFIX}open_ring_share"] == pytest.approx(0.0, abs=0.05)
    assert whole[f"{PREFIX}contrast"] == 0.4


def test_what_the_networks_say_has_its_columns():
    found = numbers(cine(), SIDECAR | {"confidence": CONFIDENCE})
    assert found[f"{PREFIX}lv_second_dice"] == 0.9
    assert found[f"{PREFIX}rv_second_dice"] == 0.0
    assert found[f"{PREFIX}myo_entropy"] == 0.2
    assert found[f"{PREFIX}lv_second_area"] == 0.2
    assert found[f"{PREFIX}ef_second"] == 0.0
    alone = numbers(cine(), SIDECAR)
    assert alone[f"{PREFIX}ef_second"] is None
    assert alone[f"{PREFIX}lv_expected_dice"] is None
    assert alone[f"{PREFIX}lv_second_dice"] is None


def test_the_frames_that_the_networks_were_compared_in_are_taken():
    first = numbers(cine(), SIDECAR | {"confidence": CONFIDENCE | {"frames": [0, 2]}})
    assert first[f"{PREFIX}open_ring_share"] > 0.1


def test_one_frame_has_no_predictors():
    heart = cine()
    one = replace(heart, labels=heart.labels[..., :1], frames=np.arange(1), n_frames=1)
    assert frame_pair(one, SIDECAR, None) is None


def test_the_line_of_its_making_tells_weights_second_network_and_engine():
    assert made_by(SIDECAR) == (
        "net@01234567 second=none openvino/bf16 augmentation=none margin_mm=25 "
        "clean_up=largest_component+fill_holes"
    )
    others = [{"precision": "fp32"}, {"weights_sha256": "f" * 16}, {"confidence": CONFIDENCE}]
    others += [{"clean_up": {}}, {"heart_region": {"margin_mm": None}}, {"corrected_frames": []}]
    lines = {made_by(SIDECAR | other) for other in others}
    assert len(lines | {made_by(SIDECAR)}) == 7
    assert numbers(cine(), SIDECAR)[MADE_BY] == made_by(SIDECAR)
    for line in lines:
        assert len(differences(line, made_by(SIDECAR))) == 1
    both = made_by(SIDECAR | {"precision": "fp32", "corrected_frames": []})
    found = ["engine and precision openvino/fp32, not openvino/bf16", "corrected by hand"]
    assert differences(both, made_by(SIDECAR)) == found
    assert differences(both, both) == []
    assert differences("unknown", both) == [f"made by unknown, not {both}"]
