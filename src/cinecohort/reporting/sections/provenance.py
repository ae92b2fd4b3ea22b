"""Provenance: software, engines, models with their validation mark, configuration, data citations."""

import json
import re
from collections.abc import Mapping
from typing import Any

from cinecohort.catalogue.views import STRUCTURE_NAMES, VIEW_NAMES
from cinecohort.files import digest_json
from cinecohort.reporting.document import (
    Block,
    Bullets,
    Citation,
    Column,
    Paragraph,
    Section,
    Strong,
    Table,
    Text,
)
from cinecohort.reporting.numbers import UNDEFINED, count, listing, quantity
from cinecohort.reporting.sections.context import Context
from cinecohort.reporting.sections.methods import from_tables
from cinecohort.reporting.validation import members
from cinecohort.segmentation.descriptions import ModelDescription
from cinecohort.segmentation.model_cards import card_of, is_shipped, measured_accuracy

CARD_PARTS = {
    "Data": "Learnt from",
    "Licence": "Licence",
    "Accuracy": "Accuracy",
    "Known weaknesses": "Known weaknesses",
}
"""Paragraphs of a network's card that are printed, and what they are called here."""
DATA_CITATIONS: dict[str, Text] = {
    "acdc": [
        "ACDC: cite Bernard et al.",
        Citation(("bernard2018",)),
        " in every use; the data are licensed for non-commercial research (CC BY-NC-SA 4.0).",
    ],
    "sunnybrook": [
        "Sunnybrook Cardiac Data: Radau et al.",
        Citation(("radau2009",)),
        "; public domain (CC0).",
    ],
    "mnms2": [
        "M&Ms-2: cite Martín-Isla et al.",
        Citation(("martinisla2023",)),
        " in every use; the terms are those of its distributor.",
    ],
    "cmr_multi": [
        "CMR-MULTI: cite Qu et al.",
        Citation(("qu2026",)),
        " in every use; the data are licensed for non-commercial research (CC BY-NC 4.0).",
    ],
    "ukbiobank": [
        "UK Biobank: state the application number; the imaging protocol is described by Petersen et al.",
        Citation(("petersen2016",)),
        ".",
    ],
}


def section(context: Context) -> Section:
    """Everything that is needed to make this report again."""
    results = context.results
    run = results.run
    digest = str(run.get("config_digest") or digest_json(json.loads(json.dumps(results.config, default=str))))
    rows = [["Configuration (SHA-256)", digest]]
    if run.get("git_revision"):
        rows.append(["Source revision", str(run["git_revision"])])
    seed = run.get("seed", results.config.get("seed"))
    if seed is not None:
        rows.append(["Seed", str(seed)])
    blocks: list[Block] = [
        Table(
            "tab-run",
            "What this report was made from; the same inputs give the same file.",
            [Column("Input", "left"), Column("Value", "left", "share")],
            rows,
        )
    ]
    blocks.extend(engine_blocks(context))
    blocks.extend(model_blocks(context))
    blocks.extend(network_blocks(context))
    blocks.extend(version_blocks(run))
    citations = cited_data(context)
    if citations:
        blocks += [Paragraph("Data:"), Bullets(citations)]
    return Section("Provenance", "sec-provenance", blocks)


def engine_blocks(context: Context) -> list[Block]:
    """Engines that segmented the cohort; a mixture is said aloud."""
    engines = {str(name): int(n) for name, n in (context.results.run.get("engines") or {}).items() if n}
    if not engines and from_tables(context.results.config):
        return []
    if not engines:
        return [Paragraph("No segmentation was made in this run, or its engine was not recorded.")]
    words = [f"{name} ({count(n)})" for name, n in engines.items()]
    if len(engines) == 1:
        return [Paragraph(f"All segmentations were made by one engine, precision and device: {words[0]}.")]
    return [
        Paragraph(
            f"The cohort was segmented by different engines, precisions or devices: {listing(words)}. Their "
            "results may differ in single voxels at boundaries; for a study, pin one engine and segment the "
            "cohort again."
        )
    ]


def model_blocks(context: Context) -> list[Block]:
    """Models of the configuration with what their cards say about validation."""
    rows = []
    for view, entries in (context.results.config.get("models") or {}).items():
        for rank, entry in enumerate(entries):
            rows += [
                [
                    str(entry.get("name")),
                    VIEW_NAMES.get(str(view), str(view)),
                    "main" if rank == 0 else "comparison",
                    model.architecture if model else UNDEFINED,
                    "not known" if model is None else "validated" if model.validated else "not validated",
                    model.sha256[:16] if model else UNDEFINED,
                ]
                for model in members(entry)
            ]
    if not rows:
        return []
    return [
        Table(
            "tab-models",
            "Networks of this run.",
            [
                Column("Model", "left"),
                Column("View", "left"),
                Column("Use", "left"),
                Column("Architecture", "left", "share"),
                Column("Validation", "left"),
                Column("SHA-256 (begins)", "left"),
            ],
            rows,
            notes="Several rows of one model and view are the members of an ensemble. "
            "Validated: measured on real hearts that the network had not seen. Measures by a network "
            "that is not validated must not be taken for results.",
        )
    ]


def network_blocks(context: Context) -> list[Block]:
    """What each network learnt from, its licence, its accuracy on hearts held out, and its weaknesses."""
    blocks: list[Block] = []
    accuracy: list[list[str] | str] = []
    seen: dict[str, None] = {}
    for view, entries in (context.results.config.get("models") or {}).items():
        for model in (model for entry in entries for model in members(entry) if model is not None):
            if model.sha256 in seen:
                continue
            seen[model.sha256] = None
            blocks.append(network_paragraph(model, VIEW_NAMES.get(str(view), str(view))))
            if is_shipped(model):
                accuracy += accuracy_rows(model)
    if accuracy:
        columns = [Column("Network", "left"), Column("Hearts held out", "left", "share"), Column("n")]
        columns += [Column(STRUCTURE_NAMES[name]) for name in ("LV", "MYO", "RV")]
        blocks.append(
            Table(
                "tab-networks-accuracy",
                "Dice of the networks on real hearts that were in no training, mean (SD).",
                columns,
                accuracy,
                notes="Over subjects and frames (ED and ES), in 3D, against an expert's contours. Recipe in "
                "folds: each heart by a network of the same recipe, shortened, that was trained without it. "
                "Measured when the networks were made, not in this cohort. Sunnybrook: LV cavity "
                "alone, in the slices that the expert drew.",
            )
        )
    return blocks


def network_paragraph(model: ModelDescription, view: str) -> Paragraph:
    """What a reader has to know of one network."""
    name = Strong(f"{model.name} ({view}). ")
    if not is_shipped(model):
        known = (
            f"It was trained on {quantity(model.training_subjects, 'subject')}. "
            if model.training_subjects
            else ""
        )
        words = "What it learnt from, its licence and its accuracy are for whoever made it to state."
        return Paragraph([name, f"These weights do not come with the software. {known}{words}"], note=True)
    card = card_of(model.name)
    card |= {"Accuracy": first_sentence(card["Accuracy"])} if "Accuracy" in card else {}
    parts = [f"{title}: {card[heading]}" for heading, title in CARD_PARTS.items() if heading in card]
    return Paragraph([name, " ".join(parts)], note=True)


def first_sentence(text: str) -> str:
    """Return the first sentence: the card has the rest."""
    return re.split(r"(?<=\.)\s+(?=[A-Z])", text)[0]


def accuracy_rows(model: ModelDescription) -> list[list[str] | str]:
    """Dice by data set."""
    return [
        [
            model.name if place == 0 else "",
            f"{data}, recipe in folds" if found.get("in_folds") else data,
            count(found["n"]),
            *(found["dice"].get(name, UNDEFINED) for name in ("LV", "MYO", "RV")),
        ]
        for place, (data, found) in enumerate(measured_accuracy(model.name).items())
    ]


def version_blocks(run: Mapping[str, Any]) -> list[Block]:
    """Versions of the software."""
    versions = {str(name): str(version) for name, version in (run.get("versions") or {}).items()}
    if not versions:
        return [Paragraph("The versions of the software were not recorded in this results folder.")]
    pairs = sorted(
        versions.items(), key=lambda pair: (pair[0] != "cinecohort", pair[0] != "python", pair[0].lower())
    )
    width = 3
    lines = -(-len(pairs) // width)
    rows = []
    for line in range(lines):
        row: list[str] = []
        for column in range(width):
            index = line + column * lines
            row += list(pairs[index]) if index < len(pairs) else ["", ""]
        rows.append(row)
    return [
        Table(
            "tab-versions",
            "Software.",
            [Column("Package", "left"), Column("Version", "left")] * width,
            rows,
        )
    ]


def cited_data(context: Context) -> list[Text]:
    """Citations that the sources of data ask for."""
    datasets = (context.results.config.get("datasets") or {}).values()
    sources = list(dict.fromkeys(str(dataset.get("source")) for dataset in datasets))
    if context.results.synthetic:
        return ["The data are synthetic and must not be cited as those of people."]
    return [DATA_CITATIONS[source] for source in sources if source in DATA_CITATIONS]
