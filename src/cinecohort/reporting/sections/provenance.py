"""Provenance: software, engines, models with their validation mark, configuration, data citations."""

import json
from collections.abc import Mapping
from typing import Any

from cinecohort.catalogue.views import VIEW_NAMES
from cinecohort.files import digest_json
from cinecohort.reporting.document import Block, Bullets, Citation, Column, Paragraph, Section, Table, Text
from cinecohort.reporting.numbers import UNDEFINED, count, listing
from cinecohort.reporting.sections.context import Context
from cinecohort.reporting.sections.methods import from_tables
from cinecohort.reporting.validation import members

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
    digest = str(run.get("config_digest") or digest_json(plain_config(results.config)))
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
    blocks.extend(version_blocks(run))
    citations = cited_data(context)
    if citations:
        blocks += [Paragraph("Data:"), Bullets(citations)]
    return Section("Provenance", "sec-provenance", blocks)


def plain_config(config: Mapping[str, Any]) -> Any:
    """Return the configuration as JSON values, paths as text."""
    return json.loads(json.dumps(config, default=str))


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
            "Validated: measured on real hearts that the network had not seen, with the figures in its "
            "model card. Measures by a network that is not validated must not be taken for results.",
        )
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
