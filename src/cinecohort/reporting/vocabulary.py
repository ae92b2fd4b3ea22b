"""How the report names measures and structures in its tables, roles of frames, steps and stages."""

from cinecohort.catalogue.measures import BY_COLUMN, measure_label, views_of
from cinecohort.catalogue.views import STRUCTURE_NAMES, VIEW_SHORT
from cinecohort.model_sets import PRIMARY
from cinecohort.reporting.document import Named

ROLE_NAMES = {"ed": "ED", "es": "ES", "both": "ED and ES", "": "all frames"}

STEP_NAMES = {
    "indexed": "Received",
    "image quality": "Passed image checks",
    "segmentation quality": "Passed segmentation checks",
}
"""Steps of the flow that are not printed as they are called."""

STAGE_NAMES = {
    "convert": "Conversion",
    "image_quality": "Image quality",
    "segment": "Segmentation",
    "segmentation_quality": "Segmentation quality",
    "calibration": "Predicted failure",
    "measure": "Measures",
    "measure_quality": "Plausibility of measures",
    "evaluate": "Evaluation",
    "review": "Review",
}


def taken(source: str) -> str:
    """How the measures of a source were taken, as in "measures taken by unet_vendors_sa"."""
    return "taken automatically" if source == PRIMARY else f"taken by {source}"


def contours_of(source: str) -> str:
    """Whose contours these are, at the beginning of a sentence."""
    return "Automatic contours" if source == PRIMARY else f"Contours by {source}"


def in_capital(words: str) -> str:
    """Return the words as a sentence begins; the name of a network or an observer stays as it is."""
    return words[:1].upper() + words[1:] if words.startswith(PRIMARY) else words


def named_measure(column: str, unit: bool = True) -> Named:
    """Printed name of a measure, with its unit or without, and the views that it is taken from."""
    return Named(measure_label(column) if unit else BY_COLUMN[column].label, views_of(column))


def named_structure(structure: str, view: str) -> Named:
    """Printed name of a structure as segmented in a view (the short axis goes without saying)."""
    name = STRUCTURE_NAMES.get(structure, structure)
    return Named(name if view == "sa" else f"{name} ({VIEW_SHORT[view]})", [view])
