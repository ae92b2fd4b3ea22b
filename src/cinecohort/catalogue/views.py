"""Views, structures and label codings: the one place where label numbers get their meaning."""

VIEWS = ("sa", "la_2ch", "la_3ch", "la_4ch")
"""Every view that is converted; ``la_3ch`` is never segmented."""

VIEW_NAMES = {"sa": "short axis", "la_2ch": "2-chamber", "la_3ch": "3-chamber", "la_4ch": "4-chamber"}
VIEW_SHORT = {"sa": "SA", "la_2ch": "2Ch", "la_3ch": "3Ch", "la_4ch": "4Ch"}

STRUCTURES: dict[str, dict[int, str]] = {
    "sa": {1: "LV", 2: "MYO", 3: "RV"},
    "la_2ch": {1: "LA"},
    "la_4ch": {1: "LA", 2: "RA"},
}
"""Label number to structure name, by segmented view (the coding of Bai 2018)."""

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
