"""Losses against hand-derived values, and what was not annotated."""

import math

import torch

from cinecohort.segmentation.losses import cross_entropy, dice_cross_entropy

ALL = torch.ones(1, 3, dtype=torch.bool)


def test_cross_entropy_by_hand() -> None:
    logits = torch.zeros(1, 3, 2, 2)
    labels = torch.zeros(1, 2, 2, dtype=torch.long)
    assert math.isclose(float(cross_entropy(logits, labels, ALL)), math.log(3), rel_tol=1e-6)


def test_dice_by_hand() -> None:
    labels = torch.tensor([[[0, 1], [1, 2]]])
    logits = 50 * torch.nn.functional.one_hot(labels, 3).permute(0, 3, 1, 2).float()
    assert float(dice_cross_entropy(logits, labels, ALL)) < 1e-6
    wrong = logits[:, [0, 2, 1]]
    # Overlap 0 and sums 2 + 1 for both structures: Dice (0 + 1) / (3 + 1); cross-entropy 50 on 3 of 4 pixels.
    assert math.isclose(float(dice_cross_entropy(wrong, labels, ALL)), 0.75 + 37.5, rel_tol=1e-5)


def test_absent_structures_are_left_to_the_network() -> None:
    absent = torch.tensor([[True, True, False]])
    labels = torch.zeros(1, 2, 2, dtype=torch.long)
    for predicted in (0, 2):
        logits = torch.zeros(1, 3, 2, 2)
        logits[:, predicted] = 50
        assert float(cross_entropy(logits, labels, absent)) < 1e-6
    logits = torch.zeros(1, 3, 2, 2)
    logits[:, 1] = 50
    assert float(cross_entropy(logits, labels, absent)) > 10


def test_absent_structures_get_no_gradient_to_shrink_them() -> None:
    absent = torch.tensor([[True, True, False]])
    logits = torch.zeros(1, 3, 4, 4, requires_grad=True)
    dice_cross_entropy(logits, torch.zeros(1, 4, 4, dtype=torch.long), absent).backward()
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()
    # Background and the absent structure are pushed alike.
    assert torch.allclose(logits.grad[:, 0], logits.grad[:, 2])
