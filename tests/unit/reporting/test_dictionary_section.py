"""The appendix of the report: measures and codes of findings in words; what networks were used."""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from cinecohort.catalogue.findings import Code
from cinecohort.catalogue.measures import PRINTED
from cinecohort.reporting.document import Paragraph, Section, Table
from cinecohort.reporting.formats import plain
from cinecohort.reporting.numbers import MINUS
from cinecohort.reporting.results import read_results
from cinecohort.reporting.sections import dictionary, provenance
from cinecohort.reporting.sections.context import Context
from cinecohort.reporting.settings import report_settings
from cinecohort.segmentation.descriptions import DEFAULT_MODELS, shipped_models
from cinecohort.segmentation.model_cards import card_of, measured_accuracy
from support.tiny_weights import write_weights

SA = DEFAULT_MODELS["sa"]


def context_of(folder: Path, models: dict[str, list[dict[str, str]]] | None = None) -> Context:
    run = json.loads((folder / "run.json").read_text())
    run["config"] |= {"models": models} if models is not None else {}
    (folder / "run.json").write_text(json.dumps(run))
    options, config = report_settings(folder)
    return Context(read_results(folder, config), options, folder)


def tables_of(sections: list[Section]) -> dict[str, Table]:
    blocks = (block for section in sections for block in section.blocks)
    return {block.label: block for block in blocks if isinstance(block, Table)}


def test_every_measure_and_code_of_the_report_is_explained_and_no_other(
    fake_results: Callable[..., Path],
) -> None:
    folder = fake_results(n=12)
    tables = tables_of(dictionary.section(context_of(folder, {"sa": [{"name": SA}]})))
    measures = pd.read_csv(folder / "cohort" / "measures.tsv", sep="\t")
    known = [name for name in PRINTED if name in measures and measures[name].notna().any()]
    rows = {row[0].rstrip("ᵃᵇᶜᵈᵉᶠᵍʰⁱ ").strip(): row for row in tables["tab-dictionary"].rows}
    assert list(rows) == [*(PRINTED[name].heading for name in known), "Wall thickness by segment (mm)"]
    lvef = rows["LVEF (%)"]
    assert lvef[1] == "left ventricular ejection fraction: 100 (EDV − ESV) / EDV"
    assert lvef[2:5] == ["short axis; ED and ES", "24103", "10 to 85"]
    assert lvef[5] == measured_accuracy(SA)["ACDC"]["differences"]["LVEF"].replace("-", MINUS)
    notes = plain(tables["tab-dictionary"].notes)
    assert SA in notes
    assert f"{measured_accuracy(SA)['ACDC']['n']} hearts of ACDC" in notes
    assert "Papillary muscles" in notes
    codes = {row[0]: row[1:] for row in tables["tab-codes"].rows}
    assert list(codes) == ["NO_VIEW", "UNREADABLE", "S2"], "in the order of the catalogue"
    assert codes["S2"] == [Code.S2.words, Code.S2.advice]


def test_accuracy_is_that_of_the_network_that_was_used(fake_results: Callable[..., Path]) -> None:
    folder = fake_results(n=5)
    own = tables_of(dictionary.section(context_of(folder, {"sa": [{"name": "mine"}]})))["tab-dictionary"]
    assert all(row[-1] == "" for row in own.rows), "of weights of the user's own it is not known"
    assert "held out" not in plain(own.notes)


def test_measures_of_tables_have_no_formula_of_ours(fake_results: Callable[..., Path]) -> None:
    folder = fake_results(n=5, n_excluded=0)
    context = context_of(folder, {})
    context.results.config["datasets"]["phantom"]["source"] = "tables"
    table = tables_of(dictionary.section(context))["tab-dictionary"]
    rows = {row[0]: row for row in table.rows}
    assert rows["LVEF (%)"][1:3] == ["left ventricular ejection fraction", ""]
    assert "how these measures were taken" in plain(table.notes).lower()


def test_without_measures_and_findings_there_is_no_appendix(fake_results: Callable[..., Path]) -> None:
    folder = fake_results(n=4, n_excluded=4)
    (only,) = tables_of(dictionary.section(context_of(folder))).values()
    assert only.label == "tab-codes"
    findings = folder / "cohort" / "findings.tsv"
    pd.read_csv(findings, sep="\t").head(0).to_csv(findings, sep="\t", index=False)
    assert dictionary.section(context_of(folder)) == []


def test_networks_are_described_with_data_licence_and_accuracy(fake_results: Callable[..., Path]) -> None:
    folder = fake_results(n=5)
    models = {"sa": [{"name": SA}], "la_4ch": [{"name": DEFAULT_MODELS["la_4ch"]}]}
    section = provenance.section(context_of(folder, models))
    words = " ".join(plain(block.text) for block in section.blocks if isinstance(block, Paragraph))
    for name in (SA, DEFAULT_MODELS["la_4ch"]):
        assert card_of(name)["Data"] in words
        assert card_of(name)["Licence"] in words
    assert "never tested on labelled real hearts" in words
    rows = tables_of([section])["tab-networks-accuracy"].rows
    acdc = measured_accuracy(SA)["ACDC"]
    data = "ACDC, recipe in folds" if acdc.get("in_folds") else "ACDC"
    assert rows[0] == [SA, data, str(acdc["n"]), *acdc["dice"].values()]
    assert all(DEFAULT_MODELS["la_4ch"] not in row[0] for row in rows)


def test_weights_of_a_users_own_are_not_taken_for_shipped_ones(
    fake_results: Callable[..., Path], tmp_path: Path
) -> None:
    tiny_weights = write_weights(tmp_path / "mine.safetensors", 1)
    description = tiny_weights.with_suffix(".json")
    description.write_text(json.dumps({**json.loads(description.read_text()), "name": SA}))
    models = {"sa": [{"name": "mine", "weights": str(tiny_weights)}]}
    section = provenance.section(context_of(fake_results(n=5), models))
    words = " ".join(plain(block.text) for block in section.blocks if isinstance(block, Paragraph))
    assert "do not come with the software" in words
    assert "tab-networks-accuracy" not in tables_of([section])


def test_every_card_states_data_and_licence() -> None:
    for name in shipped_models():
        assert {"Data", "Licence", "Known weaknesses"} <= set(card_of(name)), name
