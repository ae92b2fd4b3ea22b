"""Loss functions that learn from what was annotated only."""

import torch
from torch import Tensor
from torch.nn import functional


def annotated_log_probabilities(logits: Tensor, annotated: Tensor) -> Tensor:
    """Log-probabilities in which classes that were not annotated count as background.

    Where an observer drew no RV, a pixel labelled background may be RV: the probability of both is summed
    before the loss sees it, so that the network is free to say either.

    Parameters
    ----------
    logits
        (batch, classes, x, y).
    annotated
        (batch, classes), bool; background is always annotated.

    Returns
    -------
    torch.Tensor
        (batch, classes, x, y); minus infinity replaced by a large negative number for absent classes.
    """
    log_probabilities = functional.log_softmax(logits.float(), dim=1)
    if bool(annotated.all()):
        return log_probabilities
    absent = ~annotated
    merged = absent.clone()
    merged[:, 0] = True
    hidden = log_probabilities.masked_fill(~merged[:, :, None, None], -1e4)
    background = torch.logsumexp(hidden, dim=1, keepdim=True)
    rest = log_probabilities[:, 1:].masked_fill(absent[:, 1:, None, None], -1e4)
    return torch.cat([background, rest], dim=1)


def cross_entropy(logits: Tensor, labels: Tensor, annotated: Tensor) -> Tensor:
    """Mean pixel-wise cross-entropy (Bai 2018, Chen 2020)."""
    return functional.nll_loss(annotated_log_probabilities(logits, annotated), labels)


def soft_dice_loss(log_probabilities: Tensor, labels: Tensor, annotated: Tensor) -> Tensor:
    """One minus the soft Dice overlap over the batch, averaged over structures that someone annotated."""
    probabilities = log_probabilities.exp()
    classes = probabilities.shape[1]
    truth = functional.one_hot(labels, classes).permute(0, 3, 1, 2).to(probabilities.dtype)
    weight = annotated.to(probabilities.dtype)[:, :, None, None]
    overlap = (probabilities * truth * weight).sum(dim=(0, 2, 3))
    total = ((probabilities + truth) * weight).sum(dim=(0, 2, 3))
    dice = (2 * overlap + 1) / (total + 1)
    seen = annotated.any(dim=0)
    seen[0] = False
    return 1 - dice[seen].mean() if bool(seen.any()) else dice.sum() * 0


def dice_cross_entropy(logits: Tensor, labels: Tensor, annotated: Tensor) -> Tensor:
    """Sum of cross-entropy and soft Dice loss."""
    log_probabilities = annotated_log_probabilities(logits, annotated)
    overlap_loss = soft_dice_loss(log_probabilities, labels, annotated)
    return functional.nll_loss(log_probabilities, labels) + overlap_loss


LOSSES = {"cross_entropy": cross_entropy, "dice_cross_entropy": dice_cross_entropy}
"""By the name that a configuration gives them."""
