"""What rests on networks that were not validated is marked wherever the report shows it."""

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from cinecohort.catalogue.measures import views_of
from cinecohort.reporting.document import Column, Figure, Named, Section, Table
from cinecohort.reporting.options import ReportOptions
from cinecohort.reporting.results import read_results
from cinecohort.reporting.sections import agreement, limits, measures, methods, provenance, summary
from cinecohort.reporting.sections.agreement_tables import measure_name
from cinecohort.reporting.sections.context import Context
from cinecohort.reporting.validation import MARK, Marks, marked, marked_sections, unvalidated_models
from cinecohort.reporting.vocabulary import named_measure, named_structure

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
    table = measures.source_table(context, own, ["lvedv_ml", "la_max_ml"], ["unet", "manual"])
    after = marked(table, marks)
    assert isinstance(after, Table)
    names = [row[0] for row in after.rows]
    assert f"LA maximum (mL) {MARK}" in names
    assert "LVEDV (mL)" in names
    assert str(after.notes).count(MARK) == 1
    plain = Table("tab-x", "Caption", [Column("Measure")], [[named_measure("lvedv_ml")], "heading"])
    assert marked(plain, marks) is plain


def test_a_mark_goes_by_what_a_cell_names_and_not_by_its_words(context: Context) -> None:
    marks = Marks.of(context.results)
    heading = Named("LA maximum (mL), by sex", views_of("la_max_ml"))
    columns = [Column("Name", "left"), Column(named_measure("laef_pct")), Column("LAEF (%)")]
    rows = [heading, [named_measure("la_max_ml_i"), "1", "2"], ["LA maximum (mL)", "1", "2"]]
    after = marked(Table("tab-any", "Caption", columns, rows), marks)
    assert after.rows == [
        f"LA maximum (mL), by sex {MARK}",
        [f"LA maximum index (mL/m²) {MARK}", "1", "2"],
        ["LA maximum (mL)", "1", "2"],
    ]
    assert [column.title for column in after.columns] == ["Name", f"LAEF (%) {MARK}", "LAEF (%)"]


def test_figures_are_marked_by_their_views(context: Context) -> None:
    marks = Marks.of(context.results)
    figure = Figure("fig-x", "Caption.", "x.svg", "LA maximum (mL).", views_of("la_max_ml"))
    assert "2-chamber" in str(marked(figure, marks).caption)
    for views in (views_of("lvedv_ml"), ()):
        other = replace(figure, views=views)
        assert marked(other, marks) is other
    table = Table("tab-wall", "Caption", [Column("")], [["1"]], views=("la_2ch",))
    assert "2-chamber" in str(marked(table, marks).notes)


def test_analyses_are_marked_only_where_they_take_part(context: Context) -> None:
    table = Table("tab-differences", "Caption", [Column("Measure")], [[named_measure("la_max_ml")]])
    between = Table("tab-x", "Caption", [Column("Measure")], [[measure_name("la_max_ml", human=True)]])
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


def test_overlap_is_marked_by_structure_and_view() -> None:
    rows = [
        [named_structure("LV", "sa")],
        [named_structure("LA", "la_2ch")],
        [named_structure("LA", "la_4ch")],
    ]
    table = Table("tab-overlap-automatic-1", "Caption", [Column("")], rows)
    after = marked(table, Marks(frozenset({"la_2ch"}), True, frozenset()))
    assert [row[0] for row in after.rows] == ["LV cavity", f"LA cavity (2Ch) {MARK}", "LA cavity (4Ch)"]


def test_summary_methods_limits_and_provenance_say_it(context: Context) -> None:
    first = str(summary.blocks(context, [], []))
    assert "Not validated" in first
    assert "atria (2-chamber)" in first
    assert "LA maximum and LA minimum" in first or "LA maximum, LA minimum" in first
    assert "kept out of agreement and studies" in first
    assert "atria (2-chamber)" in str(methods.segmentation(context.results))
    assert "as automatic, since" in str(methods.segmentation(context.results))
    assert "atria (2-chamber)" in str(limits.section(context, []))
    assert "not validated" in str(provenance.model_blocks(context))


def test_what_was_left_out_of_agreement_is_listed(context: Context) -> None:
    folder = context.results.folder / "agreement"
    folder.mkdir()
    rows = [("unet", "la_max_ml", "la_2ch", 6, "why"), ("unet", "overlap la_2ch", "la_2ch", 6, "why")]
    columns = ["source", "what", "views", "n", "reason"]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "left_out.csv", index=False)
    assert "unet: LA maximum and overlap in the 2-chamber view (subjects: 6); why." in str(
        agreement.left_out(context)
    )
