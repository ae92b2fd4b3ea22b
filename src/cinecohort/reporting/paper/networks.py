"""What the papers say of their networks, beside the description of the user's primary short-axis network."""

from typing import Any

from cinecohort.catalogue.views import VIEW_NAMES
from cinecohort.reporting.document import Block, Column, Equation, Paragraph, Section, Table
from cinecohort.reporting.numbers import UNDEFINED, count, is_defined, listing
from cinecohort.reporting.paper.cells import exhibit, not_made
from cinecohort.reporting.paper.own import AUTOMATIC, Own
from cinecohort.reporting.sections.methods import DICE, DISTANCE
from cinecohort.reporting.validation import members
from cinecohort.segmentation.architectures import ARCHITECTURES
from cinecohort.segmentation.descriptions import ANY_SOURCE, ModelDescription
from cinecohort.statistics.published_tables import load

UNKNOWN = (
    "The description of the short-axis network is not at hand, since no network is configured or its weights "
    "lie elsewhere now."
)
NORMALISATIONS = {"unit": "intensities to [0, 1]", "zscore_slice": "mean 0, SD 1 of each slice"}


def primary_network(own: Own) -> ModelDescription | None:
    """Description of the primary short-axis network; the first member of an ensemble."""
    entries = (own.context.results.config.get("models") or {}).get("sa") or []
    return next(iter(members(entries[0])), None) if entries and entries[0].get("weights") else None


def channels(model: ModelDescription | None) -> list[int]:
    """Filters by scale, the finest first; empty where the network is not known."""
    known = ARCHITECTURES.get(model.architecture, {}) if model else {}
    width = known.get("width")
    return list(known.get("channels") or ([width * 2**scale for scale in range(5)] if width else []))


def bai_architecture(own: Own) -> Section:
    """Figure 1 and Table 1 of Bai 2018: filters by scale, and what goes in and comes out."""
    model, mine = primary_network(own), channels(primary_network(own))
    crop = (model.recipe.get("crop") if model else None) or None
    rows: list[list[str] | str] = ["Filters by scale"]
    for index, row in enumerate(load("bai2018_table1").to_dict("records")):
        theirs = f"{row['convolutions']} convolutions, {row['kernel']}, {row['filters']} filters".replace(
            "x", "\N{MULTIPLICATION SIGN}"
        )
        size = f"{int(crop) // 2**index} \N{MULTIPLICATION SIGN} {int(crop) // 2**index}" if crop else ""
        ours = f"{mine[index]} filters" if index < len(mine) else UNDEFINED
        ours += f", trained on {size} pixels" if size and mine else ""
        same = row["size"].replace("x", "\N{MULTIPLICATION SIGN}")
        rows.append([f"Scale {row['scale']} ({same})", theirs, ours])
    rows += ["Network", *facts_of_bai(model)]
    table = Table(
        "tab-bai2018-1",
        "Bai 2018, Figure 1 and Table 1. The network architecture, and that of your primary short-axis "
        "network.",
        [Column("", "left"), Column("Published", "left", "share"), Column("Yours", "left", "share")],
        rows,
    )
    blocks: list[Block] = [table] if model else [table, not_made(UNKNOWN)]
    return exhibit("bai2018", "methods", "the network", blocks, "Figure 1 and Table 1")


def facts_of_bai(model: ModelDescription | None) -> list[list[str]]:
    """What is said of the network beside its scales."""
    theirs = {
        "Name": "fully convolutional network (FCN)",
        "Sees": "one slice",
        "Pixel size": "as acquired (1.8 mm)",
        "Intensities": "intensities to [0, 1]",
        "Trained on": "3,975 subjects of UK Biobank",
    }
    return [[name, text, own_facts(model).get(name, UNDEFINED)] for name, text in theirs.items()]


def own_facts(model: ModelDescription | None) -> dict[str, str]:
    """What the description of a network says, by the name of a row."""
    if model is None:
        return {}
    slices = 2 * model.neighbours + 1
    sources = ["own data" if source == ANY_SOURCE else source for source in model.trained_on]
    augmentation: dict[str, Any] = model.recipe.get("augmentation") or {}
    facts = {
        "Name": f"{model.name} ({model.architecture})",
        "Sees": "one slice" if slices == 1 else f"{slices} neighbouring slices",
        "Pixel size": f"{model.spacing_mm:g} mm" if model.spacing_mm else "as acquired",
        "Intensities": NORMALISATIONS[model.normalisation],
        "Trained on": f"{count(model.training_subjects)} subjects of {listing(sources) or 'unknown source'}",
        "Network": model.architecture,
    }
    if model.recipe.get("crop"):
        facts["Image size"] = f"{model.recipe['crop']} \N{MULTIPLICATION SIGN} {model.recipe['crop']}"
    if "rotation_deg" in augmentation:
        normal = augmentation.get("distribution") == "normal"
        low, high = augmentation["scale"]
        facts |= {
            "Rotation": ("SD " if normal else "\N{PLUS-MINUS SIGN}") + f"{augmentation['rotation_deg']:g}°",
            "Scaling": f"mean {low:g}, SD {high:g}" if normal else f"{low:g} to {high:g}",
            "Flips": f"probability {augmentation['flip']:g}" if augmentation["flip"] else "none",
        }
    if is_defined(model.recipe.get("dropout")):
        facts["Dropout"] = f"{model.recipe['dropout']:g}"
    return facts


def bai_definitions() -> Section:
    """Figure 2 of Bai 2018 draws definitions: they are the ones used here."""
    words = (
        "The figure draws the definitions of the Dice metric and of the contour distances and holds no data. "
        "Yours are by the same definitions, in 3D for Dice and slice by slice for the distances:"
    )
    return exhibit(
        "bai2018",
        "methods",
        "definitions",
        [Paragraph(words), Equation(DICE), Equation(DISTANCE)],
        "Figure 2",
    )


CHEN_FACTS = {
    "Network": "U-Net, 64 filters in the first layer (UNet-64)",
    "Sees": "one slice",
    "Pixel size": "1.25 mm",
    "Image size": "256 \N{MULTIPLICATION SIGN} 256",
    "Intensities": "mean 0, SD 1 of each slice",
    "Flips": "probability 0.5",
    "Rotation": "\N{PLUS-MINUS SIGN}30°",
    "Scaling": "0.7 to 1.4",
    "Dropout": "0.2",
    "Trained on": "3,975 subjects of UK Biobank",
}
"""Chen 2020, Figures 2 and 3 and section III (B to D)."""


def chen_network(own: Own) -> list[Block]:
    """Figures 2 and 3 of Chen 2020: network and preparation of images."""
    model = primary_network(own)
    mine = own_facts(model)
    table = Table(
        "tab-chen2020-figure-3",
        "Chen 2020, Figures 2 and 3. Network and image pre-processing during training and testing, with "
        "those of your primary short-axis network.",
        [Column("", "left"), Column("Published", "left", "share"), Column("Yours", "left", "share")],
        [[name, text, mine.get(name, UNDEFINED)] for name, text in CHEN_FACTS.items()],
        notes="Yours: as the description of the weights says; of weights trained in several steps, the last.",
    )
    return [table] if model else [table, not_made(UNKNOWN)]


def related_work(own: Own) -> list[Block]:
    """Table I of Chen 2020: who tested on other data than they trained on, with this run as a further row."""
    model, pair = primary_network(own), own.pairs.get(AUTOMATIC)
    rows: list[list[str] | str] = [
        [
            row["methods"],
            row["other_domain"],
            row["fine_tuning"],
            row["structures"],
            str(row["test_subjects"]),
        ]
        for row in load("chen2020_table1").astype(str).to_dict("records")
    ]
    printed = list(range(len(rows)))
    blocks: list[Block] = []
    if model is not None and pair is not None:
        known = own.overlap_rows(AUTOMATIC)
        structures = "+".join(name for view, name in known if view == "sa")
        n = max((row["n"] for (view, _), row in known.items() if view == "sa"), default=None)
        rows.append([f"Yours, {model.name}", *domain_words(own, model), structures, count(n)])
    else:
        blocks.append(not_made(f"{UNKNOWN}" if pair else f"There is no test: {own.why_not(AUTOMATIC)}."))
    heads = ("Methods", "Target domain ≠ source domain", "Fine-tuning", "Test on", "Test set size")
    table = Table(
        "tab-chen2020-1",
        "Chen 2020, Table I. Related work that applies CNN-based CMR image segmentation models across "
        "multiple datasets.",
        [Column(head, "left", "share" if head == "Methods" else "auto") for head in heads],
        rows,
        published_rows=printed,
        notes="Yours: whether the data are of a source that the network was trained on, as the description "
        f"of its weights says; tested in the {VIEW_NAMES['sa']}.",
    )
    return [table, *blocks]


def domain_words(own: Own, model: ModelDescription) -> tuple[str, str]:
    """Whether the data come from elsewhere than those of the training, and whether it was tuned to them."""
    configured = own.context.results.config.get("datasets") or {}
    sources = {str(entry.get("source")) for entry in configured.values()}
    trained = set(model.trained_on)
    if not sources or not trained or ANY_SOURCE in trained:
        return "not known", "not known"
    if own.context.results.synthetic or not sources & trained:
        return "Yes", "No"
    return ("No" if sources <= trained else "in part"), "not known"
