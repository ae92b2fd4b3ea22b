"""Views, structures and label codings: the one place where label numbers get their meaning."""

from collections.abc import Iterable

VIEWS = ("sa", "la_2ch", "la_3ch", "la_4ch")
"""Every view that is converted; ``la_3ch`` is never segmented."""

VIEW_NAMES = {"sa": "short axis", "la_2ch": "2-chamber", "la_3ch": "3-chamber", "la_4ch": "4-chamber"}
VIEW_SHORT = {"sa": "SA", "la_2ch": "2Ch", "la_3ch": "3Ch", "la_4ch": "4Ch"}

STRUCTURES: dict[str, dict[int, str]] = {
    "sa": {1: "LV", 2: "MYO", 3: "RV"},
    "la_2ch": {1: "LA"},
    "la_4ch": {1: "LA", 2: "RA"},
}
"""Label number to structure name, by segmented view (the coding of Bai 2018): what measures are made of."""

FURTHER_STRUCTURES: dict[str, dict[int, str]] = {
    "la_2ch": {3: "LV", 4: "MYO"},
    "la_4ch": {3: "LV", 4: "MYO", 5: "RV"},
}
"""What some observers draw, and some networks segment, in the long axis besides the atria."""

LABELS = {view: {**names, **FURTHER_STRUCTURES.get(view, {})} for view, names in STRUCTURES.items()}
"""Every label that a map of a view may hold. Which of them it knows is for its sidecar to say."""

STRUCTURE_NAMES = {
    "LV": "LV cavity",
    "MYO": "LV myocardium",
    "RV": "RV cavity",
    "LA": "LA cavity",
    "RA": "RA cavity",
}

CODINGS: dict[str, dict[int, int]] = {
    "cinecohort": {1: 1, 2: 2, 3: 3},
    "acdc": {1: 3, 2: 2, 3: 1},
    "digital_heart": {1: 1, 2: 2, 4: 3},
    "biv_me": {1: 1, 2: 2, 3: 3, 4: 0},
    "mm_whs": {500: 1, 205: 2, 600: 3, 420: 0, 550: 0, 820: 0, 850: 0},
}
"""Named short-axis codings of other sources: their label number to ours, 0 where it is no structure of ours
(biv-me: RV myocardium; MM-WHS: atria, aorta, pulmonary artery)."""

CODINGS_BY_VIEW: dict[str, dict[str, dict[int, int]]] = {
    "mnms2": {"sa": {1: 1, 2: 2, 3: 3}, "la_4ch": {1: 3, 2: 4, 3: 5}},
    "cmr_multi": {
        "sa": {1: 2, 2: 1, 3: 3},
        "la_2ch": {1: 3, 2: 4},
        "la_4ch": {1: 3, 2: 4, 3: 5, 4: 2, 5: 1},
    },
}
"""Codings of data sets with labels in more than one view: view to their label number to ours."""


def structures_of(view: str, names: Iterable[str] | None = None) -> dict[int, str]:
    """Label to structure of those structures of a view that are named; of :data:`STRUCTURES` by default.

    Raises
    ------
    ValueError
        If the view has no structure of that name, or none is named.
    """
    if names is None:
        return STRUCTURES[view]
    wanted = set(names)
    unknown = sorted(wanted - set(LABELS[view].values()))
    if unknown or not wanted:
        known = ", ".join(LABELS[view].values())
        raise ValueError(f"{', '.join(unknown) or 'none'}: the structures of {view} are {known}")
    return {label: name for label, name in LABELS[view].items() if name in wanted}
