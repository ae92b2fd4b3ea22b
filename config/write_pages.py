"""Write the pages of the documentation that come from the catalogue: measures and codes of findings."""

import json
import re
from pathlib import Path
from typing import Any

from cinecohort.catalogue.covariates import COVARIATES
from cinecohort.catalogue.findings import Code
from cinecohort.catalogue.measures import MEASURES, WALL_SEGMENTS, Measure, Use, frames_of
from cinecohort.catalogue.views import STRUCTURE_NAMES, VIEW_NAMES
from cinecohort.measures.reference_ranges import SHIPPED, read_ranges
from cinecohort.segmentation.descriptions import DEFAULT_MODELS, describe_model, shipped_models
from cinecohort.segmentation.model_cards import ACCURACY as SHIPPED_ACCURACY

ROOT = Path(__file__).parents[1]
ACCURACY = ROOT / "benchmarks" / "segmentation_accuracy.md"
IN_FOLDS = ROOT / "benchmarks" / "segmentation_accuracy_folds.md"
FOLDS = re.compile(r"\n## ((?P<network>\w+), its recipe in \d+ folds)\n")
"""Heading of a network that left no hearts out: others of its recipe tell its accuracy."""
CARDS = "../src/cinecohort/segmentation/weights"
UKB = "https://biobank.ndph.ox.ac.uk/showcase/field.cgi?id="
NAMES_IN_ACCURACY = {"LV mass": "LVM"}
"""Names of the benchmark's table that are not the measure's label."""

BEFORE_MEASURES = """\
# What each number means

Columns of `results/cohort/measures.tsv`; the same names stand in every table. The unit is the column's
ending.

* **Frames.** End-diastole is the frame in which the LV is largest (`measures.ed: first`: the first frame),
  end-systole the one in which it is smallest, unless the source names them. The RV is measured at the LV's
  frames.
* **Empty** means that the measure does not exist for this subject. `cohort/voided.tsv` says why.
* **Index.** Measures that are divided by body surface area too have a second column that ends in `_i`.
* **z-score.** Where healthy people's values are known, a column that ends in `_z` says how many SDs the value
  lies above their mean, inside the sex, ages and convention of the range. `reference_ranges` names a table of
  your own.
* **Flags.** A value outside the range given here is flagged (`M1`), never removed.
* **Accuracy** is that of networks of the shipped recipe, each on hearts that it was not trained on:
  [how it was measured](../benchmarks/segmentation_accuracy_folds.md).
"""

BEFORE_FINDINGS = """\
# Codes of findings

A finding says what was wrong with a subject's files, images, segmentation or measures.
`results/cohort/findings.tsv` has one row per finding with its code, level and a sentence with numbers. The
stage given here is the first that raises the code; later ones raise some again for what they read.

| level | what becomes of the subject |
|---|---|
| `info` | nothing |
| `review` | it is kept and flagged; look at it in the [review room](../config/README.md#the-review-room) |
| `reject` | the view or the subject is left out, with this code as the reason |
| `error` | an unexpected fault; the next run tries again |
"""


def under(text: str, heading: str) -> str:
    """Text of a page under a heading; empty where there is none."""
    return text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def folds_of(network: str) -> str:
    """Heading of the figures of a network's recipe in folds; empty where it is tested itself."""
    found = FOLDS.search(IN_FOLDS.read_text())
    return found[1] if found and found["network"] == network else ""


def section_of(network: str, data: str) -> str:
    """What was measured of a network on a data set; empty where nothing was."""
    text, folds = under(ACCURACY.read_text(), network), folds_of(network)
    if folds:
        text = "\n".join(under(IN_FOLDS.read_text(), heading) for heading in (folds, network))
    _, _, section = f"\n{text}".partition(f"\n{data}\n")
    return re.split(r"\n[A-Z][\w&]+\n", section)[0]


def accuracy(network: str) -> dict[str, tuple[str, str]]:
    """Mean absolute difference, and mean difference (SD), to ACDC's expert by a measure's label.

    Empty where the benchmark was not made for the network.
    """
    section = section_of(network, "ACDC")
    rows = re.findall(r"^\| ([\w ]+), [\w/]+ \| ([\d.]+) \| (-?[\d.]+ \([\d.]+\)) \|$", section, re.MULTILINE)
    return {NAMES_IN_ACCURACY.get(name, name): (absolute, signed) for name, absolute, signed in rows}


def accuracy_file() -> str:
    """Accuracy of every shipped network by data set, for the report."""
    listed: dict[str, dict[str, dict[str, Any]]] = {}
    for network in shipped_models():
        for data in ("ACDC", "M&Ms", "Sunnybrook"):
            section = section_of(network, data)
            dice = re.search(r"\*\*Dice, ED and ES\*\* \| (\d+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|", section)
            cavity = re.search(r"\*\*mean\*\* \| \| \*\*([\d.]+)\*\*", section)
            if dice:
                structures = zip(("LV", "MYO", "RV"), dice.groups()[1:], strict=True)
                found: dict[str, Any] = {"n": int(dice[1]), "dice": dict(structures)}
                found |= {"in_folds": True} if folds_of(network) else {}
            elif cavity:
                studies = set(re.findall(r"^\| (\d+) \|", section, re.MULTILINE))
                found = {"n": len(studies), "dice": {"LV": cavity[1]}}
            else:
                continue
            if data == "ACDC":
                found["differences"] = {name: signed for name, (_, signed) in accuracy(network).items()}
            listed.setdefault(network, {})[data] = found
    return json.dumps(listed, indent=1) + "\n"


def subjects_of(network: str) -> str:
    """Number of hearts of ACDC that the accuracy is of."""
    found = re.search(r"\*\*Dice, ED and ES\*\* \| (\d+) ", section_of(network, "ACDC"))
    return found[1] if found else "?"


def measures_page() -> str:
    """A section for each measure; the segments of the wall share one."""
    known = accuracy(DEFAULT_MODELS["sa"])
    n = subjects_of(DEFAULT_MODELS["sa"])
    sections = [BEFORE_MEASURES]
    for heading, uses in (
        ("Measures", {Use.PRINTED, Use.SEGMENT}),
        ("Only for checks", {Use.CHECK}),
        ("Only in tables of ukbb_cardiac", {Use.FOREIGN}),
    ):
        sections.append(f"## {heading}\n")
        chosen = [one for one in MEASURES if one.use in uses and one.column not in WALL_SEGMENTS[1:]]
        sections += [_measure(one, known.get(one.label), n) for one in chosen]
    columns = "\n".join(f"| `{one.column}` | {one.label} |" for one in COVARIATES)
    sections.append(f"## Columns of participants\n\n| column | printed as |\n|---|---|\n{columns}\n")
    return "\n".join(sections)


def _measure(one: Measure, difference: tuple[str, str] | None, n: str) -> str:
    if one.column in WALL_SEGMENTS:
        return _wall_segments(one)
    rows = [("Column", f"`{one.column}`" + (f", indexed `{one.column}_i`" if one.indexed else ""))]
    rows += [("Unit", one.unit or "none"), *_where(one)]
    if one.plausible:
        low, high = one.plausible
        rows.append(("Flagged outside", f"{low:g} to {high:g} {one.unit}"))
    if one.ukb_field:
        rows.append(("UK Biobank field", f"[{one.ukb_field}]({UKB}{one.ukb_field})"))
    if one.ukbb_cardiac:
        rows.append(("ukbb_cardiac", one.ukbb_cardiac))
    rows.append(("Healthy people", _healthy(one)))
    rows += [("To know", one.caveat), ("Accuracy", _accuracy(one, difference, n))]
    return _section(one.label, one.words, rows)


def _where(one: Measure) -> list[tuple[str, str]]:
    frames = frames_of(one)
    return [
        ("Formula", one.formula),
        ("Structures", ", ".join(STRUCTURE_NAMES[name] for name in one.structures)),
        ("Views", ", ".join(VIEW_NAMES[view] for view in one.views)),
        ("Frames", "all frames" if frames == "all" else frames),
        ("Follows from", ", ".join(f"`{column}`" for column in one.of)),
        ("Defined in", one.source),
    ]


def _healthy(one: Measure) -> str:
    """Mean (SD) of the shipped reference ranges, of the measure or its index."""
    found = [row for row in read_ranges(SHIPPED)[0] if row.measure.removesuffix("_i") == one.column]
    words = [
        f"{'women' if row.sex == 'F' else 'men'} of {row.age_from} to {row.age_to}: "
        f"{row.mean:g} ({row.sd:g}) {one.unit}{'/m²' if row.measure.endswith('_i') else ''}"
        for row in found
    ]
    return f"mean (SD) of {', '.join(words)}; {found[0].source}" if found else ""


def _accuracy(one: Measure, difference: tuple[str, str] | None, n: str) -> str:
    networks = [DEFAULT_MODELS[view] for view in one.views]
    unvalidated = [name for name in networks if not describe_model(name).validated]
    if difference:
        absolute, signed = difference
        unit = "points" if one.unit == "%" else one.unit
        recipe = ", its recipe in folds" if folds_of(networks[0]) else ""
        return (
            f"`{networks[0]}`{recipe}, {n} hearts of ACDC held out: mean absolute difference to the expert "
            f"{absolute} {unit}, mean difference (SD) {signed.replace('-', '−')} {unit}"
        )
    if unvalidated:
        named = ", ".join(f"`{name}`" for name in unvalidated)
        return f"not known: {named} never tested on labelled real hearts; kept out of agreement and studies"
    return f"see the card of [`{networks[0]}`]({CARDS}/{networks[0]}.md)" if networks else ""


def _wall_segments(first: Measure) -> str:
    lines = [
        f"| `{one.column}` | {one.words.rpartition(', ')[2]} | [{one.ukb_field}]({UKB}{one.ukb_field}) | "
        f"{one.ukbb_cardiac} |"
        for one in MEASURES
        if one.column in WALL_SEGMENTS
    ]
    rows = [("Unit", first.unit), *_where(first), ("To know", first.caveat), ("Accuracy", "not measured")]
    table = "\n".join(["| column | segment | UK Biobank field | ukbb_cardiac |", "|---|---|---|---|", *lines])
    return _section("Wall thickness by segment", "end-diastolic wall thickness", rows) + f"\n{table}\n"


def _section(title: str, words: str, rows: list[tuple[str, str]]) -> str:
    lines = [f"| {name} | {value} |" for name, value in rows if value]
    return "\n".join(
        [f"### {title}", "", f"{words[0].upper()}{words[1:]}.", "", "| | |", "|---|---|", *lines, ""]
    )


def findings_page() -> str:
    """Every code of a finding by stage: what it means and what to do."""
    sections = [BEFORE_FINDINGS]
    for stage in dict.fromkeys(code.stage for code in Code):
        lines = [f"| `{code}` | {code.words} | {code.advice} |" for code in Code if code.stage is stage]
        name = "Any stage" if stage == "any" else stage.replace("_", " ").capitalize()
        sections += [f"## {name}\n", "| code | meaning | what to do |", "|---|---|---|", *lines, ""]
    return "\n".join(sections)


PAGES = {
    ROOT / "docs" / "measures.md": measures_page,
    ROOT / "docs" / "findings.md": findings_page,
    SHIPPED_ACCURACY: accuracy_file,
}
"""Page to the function that makes its text."""


def write_pages() -> None:
    """Write the pages."""
    for path, make in PAGES.items():
        path.write_text(make())
