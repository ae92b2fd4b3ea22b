"""Views, structures and label codings: the one place where label numbers get their meaning."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

VIEWS = ("sa", "la_2ch", "la_3ch", "la_4ch")
"""Every view that is converted; ``la_3ch`` is never segmented."""

STRUCTURES: dict[str, dict[int, str]] = {
    "sa": {1: "LV", 2: "MYO", 3: "RV"},
    "la_2ch": {1: "LA"},
    "la_4ch": {1: "LA", 2: "RA"},
}
"""Label number to structure name, by segmented view (the coding of Bai 2018)."""

CODINGS: dict[str, dict[int, int]] = {
    "cinecohort": {1: 1, 2: 2, 3: 3},
    "acdc": {1: 3, 2: 2, 3: 1},
    "digital_heart": {1: 1, 2: 2, 4: 3},
    "biv_me": {1: 1, 2: 2, 3: 3, 4: 0},
    "mm_whs": {500: 1, 205: 2, 600: 3, 420: 0, 550: 0, 820: 0, 850: 0},
}
"""Named short-axis codings of other sources: their label number to ours, 0 where it is no structure of ours
(biv-me: RV myocardium; MM-WHS: atria, aorta, pulmonary artery)."""


def recode(labels: NDArray[np.integer], coding: Mapping[int, int]) -> NDArray[np.uint8]:
    """Map a label map of another coding onto ours.

    Parameters
    ----------
    labels
        Label map of any shape; 0 is background.
    coding
        Their label number to ours, for instance ``CODINGS["acdc"]``.

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
