"""What rests on networks that were not validated is marked wherever the report shows it."""

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from cinecohort.reporting.document import Column, Figure, Section, Table
from cinecohort.reporting.options import ReportOptions
from cinecohort.reporting.results import read_results
from cinecohort.reporting.sections import agreement, limits, measures, methods, provenance, summary
from cinecohort.reporting.sections.context import Context
from cinecohort.reporting.validation import MARK, Marks, marked, marked_sections, unvalidated_models

MODEL = {
    "view": "la_2ch",
    "architecture": "unet_slim",
    "spacing_mm": 1.4,
    "normalisation": "unit",
    "structures": {"1": "LA"},
}


@pytest.fixture
def unvalidated(tmp_path: Path) -> str:
    """Path of weights whose description says that they were not validated."""
    weights = tmp_path / "atria.safetensors"
    weights.write_bytes(b"")
    weights.with_suffix(".json").write_text(json.dumps({"name": "atria", **MODEL}))
    return str(weights)


@pytest.fixture
def context(fake_results, tmp_path: Path, unvalidated: str) -> Context:
    folder = fake_results(n=6, n_excluded=0, models=("unet",))
    path = folder / "cohort" / "measures.tsv"
    table = pd.read_csv(path, sep="\t")
    table.assign(unvalidated=table["kind"].map({"auto": "la_2ch"})).to_csv(path, sep="\t", index=False)
    config = json.loads((folder / "run.json").read_text())["config"]
    config["models"]["la_2ch"] = [{"name": "atria", "weights": unvalidated}]
    return Context(read_results(folder, config), ReportOptions(), tmp_path)


def test_models_are_named_by_their_card(context: Context, unvalidated: str) -> None:
    entries = [{"name": "sure", "weights": "unet_slim_sa"}, {"name": "gone", "weights": "no_such"}]
    config = {
        "models": {"sa": entries, "la_2ch": [{"name": "both", "weights": ["unet_slim_sa", unvalidated]}]}
    }
    assert unvalidated_models(replace(context.results, config=config)) == ["both (2-chamber)"]


def test_models_whose_card_is_not_at_hand_are_named_by_what_they_measured(context: Context) -> None:
    entries = [{"name": name, "weights": f"models/{name}.safetensors"} for name in ("atria", "other")]
    config = {"models": {"la_2ch": entries, "la_4ch": entries}}
    measures = context.results.measures.assign(models="sa=unet,la_2ch=atria,la_4ch=atria")
    results = replace(context.results, config=config, measures=measures)
    assert unvalidated_models(results) == ["atria (2-chamber)"]


def test_tables_of_measures(context: Context) -> None:
    marks = Marks.of(context.results)
    assert (marks.views, marks.included, marks.sources) == ({"la_2ch"}, False, {"unet"})
    own = context.results.own_measures()
    table = measures.source_table(own, ["lvedv_ml", "la_max_ml"], ["unet", "manual"])
    after = marked(table, marks)
    assert isinstance(after, Table)
    names = [row[0] for row in after.rows]
    assert f"LA maximum (mL) {MARK}" in names
    assert "LVEDV (mL)" in names
    assert str(after.notes).count(MARK) == 1
    plain = Table("tab-x", "Caption", [Column("Measure")], [["LVEDV (mL)"], "heading"])
    assert marked(plain, marks) is plain


def test_figures(context: Context) -> None:
    marks = Marks.of(context.results)
    atria = Figure("fig-distributions", "Caption.", "x.svg", "Box plots of LVEDV (mL) and LA maximum (mL).")
    ventricles = Figure("fig-distributions", "Caption.", "x.svg", "Box plots of LVEDV (mL).")
    assert "2-chamber" in str(marked(atria, marks).caption)
    assert marked(ventricles, marks) is ventricles
    wall = Figure("fig-bullseye", "Caption.", "x.svg", "Bullseye.")
    assert marked(wall, marks) is wall


def test_analyses_are_marked_only_where_they_take_part(context: Context) -> None:
    table = Table("tab-differences", "Caption", [Column("Measure")], [["LA maximum (mL)"]])
    between = Table("tab-differences-observers-1", "Caption", [Column("Measure")], [["LA maximum (mL)"]])
    sections = [
        Section("A", "sec-agreement-measures", [table, between]),
        Section("S", "sec-study-x", [table]),
    ]
    out = Marks.of(context.results)
    assert [section.blocks for section in marked_sections(sections, out, frozenset())] == [
        section.blocks for section in sections
    ]
    taken = Marks(out.views, True, out.sources)
    first, second = marked_sections(sections, taken, frozenset({"sec-study-x"}))
    assert [MARK in str(block.rows) for block in first.blocks] == [True, False]
    assert second.blocks == [table]


def test_overlap_is_marked_by_structure() -> None:
    table = Table("tab-overlap-automatic-1", "Caption", [Column("")], [["LV cavity"], ["LA cavity (2Ch)"]])
    after = marked(table, Marks(frozenset({"la_2ch"}), True, frozenset()))
    assert [row[0] for row in after.rows] == ["LV cavity", f"LA cavity (2Ch) {MARK}"]


def test_summary_methods_limits_and_provenance_say_it(context: Context) -> None:
    first = str(summary.blocks(context, [], []))
    assert "Not validated" in first
    assert "atria (2-chamber)" in first
    assert "LA maximum and LA minimum" in first or "LA maximum, LA minimum" in first
    assert "kept out of agreement and studies" in first
    assert "atria (2-chamber)" in str(methods.segmentation(context.results))
    assert "one name, primary" in str(methods.segmentation(context.results))
    assert "atria (2-chamber)" in str(limits.section(context))
    assert "not validated" in str(provenance.model_blocks(context))


def test_what_was_left_out_of_agreement_is_listed(context: Context) -> None:
    folder = context.results.folder / "agreement"
    folder.mkdir()
    rows = [("unet", "la_max_ml", "la_2ch", 6, "why"), ("unet", "overlap la_2ch", "la_2ch", 6, "why")]
    columns = ["source", "what", "views", "n", "reason"]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "left_out.csv", index=False)
    assert "unet: LA maximum and overlap in the 2-chamber view; why." in str(agreement.left_out(context))
