"""Tables and figures of the report as files beside the PDF."""

import csv

import pandas as pd
from PIL import Image as Picture

from cinecohort.reporting.formats import FORMATS
from cinecohort.reporting.report import make_report
from cinecohort.reporting.settings import report_settings


def test_every_table_and_figure_is_a_file_and_an_old_one_goes(fake_results):
    folder = fake_results(n=12, n_excluded=2)
    options, config = report_settings(folder)
    stale = folder / "report" / "tables" / "stale.csv"
    stale.parent.mkdir(parents=True)
    stale.write_text("old")
    make_report(folder, folder / "report.pdf", options, config)
    assert not stale.exists()
    tables = {path.name for path in (folder / "report" / "tables").iterdir()}
    assert {
        f"{name}.{ending}" for name in ("baseline", "measures", "exclusions") for ending in FORMATS
    } <= tables
    figures = folder / "report" / "figures"
    for name in ("flow", "distributions", "bullseye"):
        assert {f"{name}.{ending}" for ending in ("svg", "png", "csv")} <= {
            path.name for path in figures.iterdir()
        }
        with Picture.open(figures / f"{name}.png") as picture:
            assert picture.width > 300 / 2.54 * 8, "8 cm and more at 300 dpi"


def test_files_hold_what_is_printed_and_no_key_of_a_subject(fake_results):
    folder = fake_results(n=12, n_excluded=2)
    options, config = report_settings(folder)
    make_report(folder, folder / "report.pdf", options, config)
    with (folder / "report" / "figures" / "flow.csv").open() as stream:
        head, first, *_ = csv.reader(stream)
    assert head == ["Step", "n", "Left out on the way to the next"]
    assert first[:2] == ["Received", "12"]
    shown = pd.read_csv(folder / "report" / "figures" / "distributions.csv")
    measures = pd.read_csv(folder / "cohort" / "measures.tsv", sep="\t")
    own = measures[(measures["frames"] == "own") & measures["lvedv_ml"].notna()]
    assert sorted(shown["lvedv_ml"]) == sorted(own["lvedv_ml"])
    for path in (folder / "report").rglob("*.*"):
        assert b"SYN0" not in path.read_bytes(), path
