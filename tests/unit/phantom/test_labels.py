"""Volumes counted from a phantom's own label maps against its analytic truth."""

from dataclasses import replace

import numpy as np
import pytest

from cinecohort.phantom.contours import fields
from cinecohort.phantom.options import PhantomOptions
from cinecohort.phantom.subject import make_subject

NUMBERS = (1, 2, 3, 4, 6, 7, 9, 12)


def counted(phantom, slices, frame, step_mm):
    """Voxel counts of a stack without breath-hold shifts, in mL."""
    volumes = {"LV": 0.0, "RV": 0.0, "whole": 0.0}
    for image in slices:
        inside = fields(phantom.heart, phantom.pose, replace(image, shift_mm=np.zeros(3)), frame)
        voxel = image.pixel_mm**2 * step_mm / 1000.0
        volumes["LV"] += (inside["LV"] > 0).sum() * voxel
        volumes["RV"] += (inside["RV"] > 0).sum() * voxel
        volumes["whole"] += (inside["MYO"] > 0).sum() * voxel
    return volumes


@pytest.fixture(scope="module")
def errors():
    """Relative errors (n, 2 frames, LV and RV) of the clinical stack, 10 mm from slice to slice."""
    rows = []
    for number in NUMBERS:
        _, phantom, slices, _ = make_subject(number, PhantomOptions(frames=12, faults=False))
        short = [image for image in slices if image.view == "sa"]
        truth = phantom.heart.truth()
        row = []
        for frame in (0, phantom.heart.cycle.es_frame):
            found = counted(phantom, short, frame, 10.0)
            row.append([found["LV"] / truth["lv_ml"][frame] - 1, found["RV"] / truth["rv_ml"][frame] - 1])
        rows.append(row)
    return np.array(rows)


def test_end_diastolic_volumes_within_a_few_per_cent_each_and_unbiased(errors):
    assert np.abs(errors[:, 0]).mean(axis=0).max() < 0.015
    assert np.abs(errors[:, 0].mean(axis=0)).max() < 0.01


def test_end_systolic_volumes_err_by_the_slices_at_the_valve_only(errors):
    assert np.abs(errors[:, 1]).mean(axis=0).max() < 0.03
    assert np.abs(errors[:, 1].mean(axis=0)).max() < 0.02


def test_thin_slices_reproduce_the_truth():
    _, phantom, slices, _ = make_subject(3, PhantomOptions(frames=12, faults=False))
    first = slices[0]
    thin = [replace(first, corner=first.corner - 2.0 * k * first.normal) for k in range(-8, 70)]
    truth, es = phantom.heart.truth(), phantom.heart.cycle.es_frame
    for frame in (0, es):
        found = counted(phantom, thin, frame, 2.0)
        assert found["LV"] == pytest.approx(truth["lv_ml"][frame], rel=0.01)
        assert found["RV"] == pytest.approx(truth["rv_ml"][frame], rel=0.01)
        mass = (found["whole"] - found["LV"]) * 1.05
        assert mass == pytest.approx(truth["lvm_g"][frame], rel=0.015)
