"""Label maps of other codings brought to ours."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray


def recode(labels: NDArray[np.integer], coding: Mapping[int, int]) -> NDArray[np.uint8]:
    """Map a label map of another coding onto ours.

    Parameters
    ----------
    labels
        Label map of any shape; 0 is background.
    coding
        Their label number to ours, for instance ``cinecohort.catalogue.views.CODINGS["acdc"]``.

    Returns
    -------
    numpy.ndarray
        The same shape, ``uint8``.

    Raises
    ------
    ValueError
        If the map holds a label that the coding does not name.
    """
    present = {int(value) for value in np.unique(labels)} - {0}
    unknown = sorted(present - set(coding))
    if unknown:
        shown = ", ".join(map(str, unknown[:5])) + (", ..." if len(unknown) > 5 else "")
        raise ValueError(f"label map holds [{shown}], which the coding {dict(coding)} does not name")
    table = np.zeros(max([0, *present, *coding]) + 1, dtype=np.uint8)
    for theirs, ours in coding.items():
        table[theirs] = ours
    return table[labels]
