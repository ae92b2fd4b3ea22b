"""The report in the papers' form: with everything, with almost nothing, and numbers by hand."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pypdf
import pytest

from cinecohort.cli import main
from cinecohort.reporting.document import Figure, Paragraph, Section, Table
from cinecohort.reporting.paper.compose import sections
from cinecohort.reporting.paper.own import AUTOMATIC, named_pairs
from cinecohort.reporting.results import read_results
from cinecohort.reporting.sections.context import Context
from cinecohort.reporting.settings import report_settings

BAI = ["Abstract", "Figure 1 and Table 1", "Figure 2", "Figure 3", "Table 2", "Table 3", "Table 4", "Table 5",
       "Figure 4", "Table 6", "Table 7", "Table 8", "Table 9", "Figure 5", "Table 10"]  # fmt: skip
CHEN = ["Figure 1", "Table I", "Table II", "Figures 2 and 3", "Figure 4", "Table III", "Table IV", "Table V",
        "Table VI", "Table VII", "Figure 5", "Table VIII", "Figure 6", "Figure 7", "Figure 8",
        "Table IX"]  # fmt: skip
PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"/>'
PAIRS = [("unet", "manual"), ("Anna", "Bea"), ("Bea", "Cleo"), ("Cleo", "Anna")]


class Paper:
    """Sections of the report of a results folder."""

    def __init__(self, folder: Path, build: Path) -> None:
        (build / "figures").mkdir(parents=True, exist_ok=True)
        options, config = report_settings(folder)
        self.sections = sections(Context(read_results(folder, config), options, build))

    def part(self, paper: str) -> list[Section]:
        start = next(i for i, each in enumerate(self.sections) if each.label == f"sec-{paper}")
        rest = self.sections[start + 1 :]
        return rest[: next((i for i, each in enumerate(rest) if each.level == 1), len(rest))]

    def blocks(self) -> Iterator[object]:
        for section in self.sections:
            yield from section.blocks

    def table(self, label: str) -> Table:
        return next(block for block in self.blocks() if isinstance(block, Table) and block.label == label)

    def rows(self, label: str) -> dict[str, list[list[str]]]:
        """Rows of a table by the name of their line; rows without a name belong to the line above."""
        table = self.table(label)
        result: dict[str, list[list[str]]] = {}
        part, name = "", ""
        for row in table.rows:
            if isinstance(row, str):
                part = row
                continue
            name = row[0] or name
            result.setdefault(f"{part[:3]} {name}".strip() if part.startswith("(") else str(name), []).append(
                list(row[1:])
            )
        return result

    def reasons(self, number: str, paper: str = "bai2018") -> str:
        """Why something is not there, of a table or figure."""
        section = next(each for each in self.part(paper) if each.title.startswith(f"{number}:"))
        texts = [block.text for block in section.blocks if isinstance(block, Paragraph)]
        return " ".join(str(text[-1]) for text in texts if "Not from your data" in str(text))


def write(folder: Path, name: str, rows: list[dict[str, object]]) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(path, index=False)


def comparison(first: str, second: str) -> dict[str, object]:
    automatic = first == "unet"
    kind = "automatic-observer" if automatic else "observer-observer"
    frames = second if automatic else "own"
    return {"folder": f"{first}-vs-{second}", "dataset": "", "kind": kind, "first": first, "second": second,
            "frames": frames, "primary": automatic}  # fmt: skip


def overlap(first: str, second: str, mean: float, **more: object) -> list[dict[str, object]]:
    return [
        {"source": first, "reference": second, "view": view, "structure": structure, "selection": "all",
         "n": 9, "n_excluded": 0, "dice_mean": mean, "dice_sd": 0.051, "n_dice": 9, "mcd_mm_mean": 1.234,
         "mcd_mm_sd": 0.5, "n_mcd_mm": 8, "hd_mm_mean": 4.0, "hd_mm_sd": 1.0, "n_hd_mm": 9, **more}
        for view, structure in (("sa", "LV"), ("sa", "MYO"), ("sa", "RV"), ("la_2ch", "LA"), ("la_4ch", "LA"),
                                ("la_4ch", "RA"))
    ]  # fmt: skip


def add_agreement(folder: Path) -> None:
    agreement = folder / "agreement"
    write(agreement, "comparisons.csv", [{**comparison(*pair), "n": 9} for pair in PAIRS])
    measured = ("lvedv_ml", "lvesv_ml", "lvm_g", "rvedv_ml", "rvesv_ml", "lvef_pct")
    each = [{**comparison(*pair), "measure": measure} for pair in PAIRS for measure in measured]
    numbers = {"absolute_mean": 7.34, "absolute_sd": 2.06, "relative_mean_pct": 3.52, "relative_sd_pct": 1.0}
    write(agreement, "all_differences.csv", [{**row, "n": 9, "n_relative": 8, **numbers} for row in each])
    limits = {"n": 9, "bias": -2.5, "sd": 3.0, "loa_lower": -8.38, "loa_upper": 3.38}
    write(
        agreement,
        "all_bland_altman.csv",
        [{**row, **limits, "outliers": outliers} for row in each for outliers in ("kept", "removed")],
    )
    write(agreement, "all_correlation.csv", [{**row, "n": 9, "spearman_rho": 0.912} for row in each])
    pairs = [*PAIRS, ("unet", "Anna"), ("Anna", "manual")]
    rows = [row for i, pair in enumerate(pairs) for row in overlap(*pair, mean=0.9 - i / 100)]
    write(agreement, "overlap.csv", rows)
    write(agreement, "overlap_by_disease.csv", overlap(*PAIRS[0], mean=0.87, cardiovascular_disease="yes"))
    write(agreement, "overlap_by_vendor.csv", overlap(*PAIRS[0], mean=0.9, vendor="SIEMENS"))
    floor = {"selection": "dice >= 0.5", "n": 7}
    field = [*overlap(*PAIRS[0], mean=0.9, field_t=1.5), *overlap(*PAIRS[0], mean=0.95, field_t=1.5, **floor)]
    write(agreement, "overlap_by_field_strength.csv", field)
    write(agreement, "overlap_by_site.csv", overlap(*PAIRS[0], mean=0.9, site="Reading"))
    groups = [row for name in ("DCM", "obese") for row in overlap(*PAIRS[0], mean=0.9, group=name)]
    write(agreement, "overlap_by_pathology.csv", groups)
    for analyst in ("Ada", "Bob"):
        scored = [
            {
                "analyst": analyst,
                "region": region,
                "better": 1,
                "same": 6,
                "worse": 2,
                "not_sure": 1,
                "n": 10,
                "simulated": "true" if analyst == "Bob" else "",
            }
            for region in ("basal", "mid", "apical")
        ]
        known = agreement / "visual_assessment.csv"
        before = pd.read_csv(known).to_dict("records") if known.is_file() else []
        write(agreement, "visual_assessment.csv", [*before, *scored])
    about = {
        "cohort": "phantoms",
        "n_sites": 1,
        "scanners": "1.5 T",
        "in_plane_mm": 1.8,
        "slice_spacing_mm": 10,
    }
    write(agreement, "datasets.csv", [{"dataset": "phantom", "n_subjects": 24, **about}])
    for name in ("bland_altman_grid.svg", "bland_altman_models.svg", "dice_boxplot.svg"):
        (agreement / name).write_text(PICTURE)
    write(agreement, "dice_boxplot.csv", [{"dice": 0.9}] * 18)


def add_study(folder: Path) -> None:
    study = folder / "study" / "obesity"
    outcome = {
        "outcome": "lvedv_ml",
        "n1": 7,
        "n0": 8,
        "mean1": 160.4,
        "sd1": 30.2,
        "mean0": 150.1,
        "sd0": 25.0,
    }
    write(study, "comparison.csv", [{**outcome, "difference": 10.3, "p": 0.0421, "welch_p": 0.05}])
    published = {"outcome": "lvedv_ml", "n1": 867, "n0": 867, "paper": "Bai 2018", "table": "Table 8"}
    write(study, "published.csv", [published])
    summary = {
        "title": "Obesity",
        "exposure": "Obese",
        "reference": "Normal weight",
        "verdict": "LVEDV +10.3.",
        "options": {"published": "bai2018_table8", "outcomes": ["lvedv_ml"]},
    }
    (study / "summary.json").write_text(json.dumps(summary))


def add_experiments(folder: Path) -> None:
    tested = (("UNet-16", "ACDC", 0.88), ("UNet-16", "Sunnybrook", 0.95), ("Mine", "ACDC", 0.9))
    rows = [
        {
            **{"origin": "measured", "row": title, "title": title, "trained_on": "ACDC (n = 60)"},
            **{"dataset": dataset, "structure": structure, "n": 15, "mean": mean, "sd": 0.1},
        }
        for title, dataset, mean in tested
        for structure in ("LV", "MYO", "RV")
    ]
    rows.append({"origin": "published", "paper": "Chen 2020", "paper_table": "Table IV", "structure": "LV"})
    write(folder, "experiments/tables/networks.csv", rows)


@pytest.fixture
def whole(fake_results, tmp_path) -> Paper:
    folder = fake_results(observers=("Anna", "Bea", "Cleo", "manual"))
    add_agreement(folder)
    add_study(folder)
    add_experiments(folder)
    return Paper(folder, tmp_path / "build")


@pytest.fixture
def bare(fake_results, tmp_path) -> Paper:
    return Paper(fake_results(observers=(), models=("unet",)), tmp_path / "build")


@pytest.mark.parametrize("which", ["whole", "bare"])
def test_all_tables_and_figures_stand_in_the_papers_order(which, request):
    paper = request.getfixturevalue(which)
    assert [section.title.split(":")[0] for section in paper.part("bai2018")] == BAI
    assert [section.title.split(":")[0] for section in paper.part("chen2020")] == CHEN
    assert all(section.blocks for section in paper.sections)
    labels = [block.label for block in paper.blocks() if isinstance(block, Table | Figure)]
    assert len(labels) == len(set(labels))


def test_overlap_beside_bai(whole):
    rows = whole.rows("tab-bai2018-2")
    assert rows["(a) LV cavity"] == [
        ["published", "0.94 (0.04)", "1.04 (0.35)", "3.16 (0.98)"],
        ["yours", "0.90 (0.05)", "1.23 (0.50), n = 8", "4.00 (1.00)"],
        ["difference", "−0.04", "+0.19", "+0.84"],
    ]
    assert rows["(b) RV cavity"][1][:2] == ["yours", "0.87 (0.05)"]
    assert rows["(b) RV cavity"][2][1] == "−0.03"
    rows = whole.rows("tab-bai2018-3-a")
    assert rows["RV cavity"] == [
        ["published", "0.90 (0.05)", "0.87 (0.06)", "0.88 (0.05)", "0.89 (0.05)"],
        ["yours", "0.90 (0.05)", "0.89 (0.05)", "0.88 (0.05)", "0.87 (0.05)"],
        ["difference", "0.00", "+0.02", "0.00", "−0.02"],
    ]
    assert whole.rows("tab-bai2018-7-c")["RA cavity (4Ch)"][2] == [
        "difference",
        "+0.11",
        "−0.31",
        "−0.20",
        "−0.08",
    ]
    assert whole.rows("tab-bai2018-6")["LA cavity (2Ch)"][1][1] == "0.90 (0.05)"


def test_measures_beside_bai(whole):
    rows = whole.rows("tab-bai2018-5-a")
    assert rows["LVEDV (mL)"] == [
        ["published", "6.1 (5.3)", "6.1 (4.4)", "8.8 (4.8)", "4.8 (3.1)"],
        ["yours", *["7.3 (2.1)"] * 4],
        ["difference", "+1.2", "+1.2", "−1.5", "+2.5"],
    ]
    rows = whole.rows("tab-bai2018-5-b")
    assert rows["RVESV (%)"][1] == ["yours", *["3.5 (1.0), n = 8"] * 4]
    assert rows["RVESV (%)"][2] == ["difference", "−8.3", "−27.1", "−7.4", "−13.4"]
    rows = whole.rows("tab-bai2018-9-a")
    assert len(rows["LVCO (L/min)"]) == 1
    assert rows["LVEF (%)"][2] == ["difference", "+4.1", "+4.2", "+4.3", "+3.5"]
    assert "LVCO (L/min)" in whole.reasons("Table 9")
    assert whole.rows("tab-bai2018-figure-4")["LVEDV (mL)"] == [["−2.5 (−8.4 to 3.4)"] * 4]


def test_the_abstract_beside_bai(whole):
    rows = whole.rows("tab-bai2018-abstract")
    assert rows["RV cavity"] == [["0.90", "0.90", "0.00"]]
    assert rows["RA cavity (4Ch)"] == [["0.96", "0.90", "−0.06"]]
    assert rows["LVEDV (mL)"] == [["6.1", "7.3", "+1.2"]]
    assert len(rows) == 11


def test_visual_assessment_beside_bai(whole):
    rows = whole.rows("tab-bai2018-4")
    assert rows["Basal"][:3] == [
        ["published", "40.0", "26.2", "20.6", "13.2"],
        ["yours", "60.0", "10.0", "20.0", "10.0"],
        ["difference", "+20.0", "−16.2", "−0.6", "−3.2"],
    ]
    assert whole.reasons("Table 4") == ""
    headings = [row for row in whole.table("tab-bai2018-4").rows if isinstance(row, str)]
    assert headings == [
        "Analyst 1 (n = 250 subjects); yours: Ada (n = 10 to 10 by region)",
        "Analyst 2 (n = 250 subjects); yours: Bob, simulated: made-up scores (n = 10 to 10 by region)",
    ]


def test_study_beside_bai(whole):
    rows = whole.rows("tab-bai2018-8")
    assert rows["LVEDV (mL)"] == [
        ["published", "143 (31)", "158 (34)", "+15", "< 0.001"],
        ["yours", "150 (25)", "160 (30)", "+10", "0.042"],
        ["difference", "+7", "+2", "−5", "–"],
    ]
    assert rows["LVM (g)"] == [["published", "85 (20)", "103 (26)", "+18", "< 0.001"]]


def test_chen_beside_the_set_of_the_same_source(whole):
    rows = whole.rows("tab-chen2020-3")
    assert rows["U-Net (Chen 2020); yours: unet"][1:] == [
        ["yours", *["0.90 (0.05)"] * 3, *["–"] * 5],
        ["difference", "−0.04", "+0.02", "0.00", *["–"] * 5],
    ]
    rows = whole.rows("tab-chen2020-9")
    assert rows["UKBB (n = 600); yours: phantom (n = 9)"] == [
        ["published", "0.97", "0.91", "0.93", "0.96", "0.91"],
        ["yours", *["0.91"] * 5],
        ["difference", "−0.06", "0.00", "−0.02", "−0.05", "0.00"],
    ]
    rows = whole.rows("tab-chen2020-figure-8")
    assert rows["U-Net"] == [["published", "−17.43", "–", "−39.93", "5.07"]]
    assert rows["LVM (g)"] == [["yours", "−2.50", "3.00", "−8.38", "3.38"]]


def test_strata_beside_chen(whole):
    rows = whole.rows("tab-chen2020-vi")
    assert rows["BSCMR-AS, Siemens"][1:] == [
        ["yours", "9", "0.90 (0.05)", "0.90 (0.05)", "0.90 (0.05)"],
        ["difference", "–", "+0.02", "+0.07", "–"],
    ]
    assert len(rows["BSCMR-AS, Philips"]) == 1
    # As in the paper, beside ACDC subjects with a Dice below the floor are left out.
    assert rows["ACDC, 1.5 T"][1] == ["yours", "7", *["0.95 (0.05)"] * 3]
    assert rows["BSCMR-AS, 1.5 T"][1][:3] == ["yours", "9", "0.90 (0.05)"]
    assert whole.rows("tab-chen2020-vii-own")["Site"] == [["Reading", "9", *["0.90 (0.05)"] * 3]]
    assert whole.rows("tab-chen2020-viii")["ACDC, DCM"][2] == ["difference", "–", "−0.04", "+0.09", "+0.08"]
    assert whole.rows("tab-chen2020-viii-own")["Pathology or group"][0][0] == "obese"


def test_experiments_beside_chen(whole):
    rows = whole.rows("tab-chen2020-4")
    assert rows["UNet-16"][1:] == [
        ["yours", *["–"] * 3, *["0.88 (0.10)"] * 3, "–", "–"],
        ["difference", *["–"] * 3, "+0.01", "+0.22", "+0.21", "–", "–"],
    ]
    rest = whole.rows("tab-chen2020-4-own")
    assert rest["UNet-16"] == [["ACDC (n = 60)", "Sunnybrook", "15", *["0.95 (0.10)"] * 3]]
    assert set(rest) == {"UNet-16", "Mine"}
    assert "snakemake experiments" in whole.reasons("Table V", "chen2020")


def test_with_almost_nothing_every_table_is_as_published_and_says_why(bare):
    for block in bare.blocks():
        if isinstance(block, Table):
            assert not any(
                row[1] in ("yours", "difference") for row in block.rows if not isinstance(row, str)
            )
    assert bare.rows("tab-bai2018-5-a")["LVEDV (mL)"] == [
        ["published", "6.1 (5.3)", "6.1 (4.4)", "8.8 (4.8)", "4.8 (3.1)"]
    ]
    for number in ("Table 2", "Table 3", "Table 5", "Figure 4", "Table 6", "Table 7", "Table 9"):
        assert "no observer's contours were given" in bare.reasons(number).casefold()
    assert "blinded mode" in bare.reasons("Table 4")
    assert "No group study was configured" in bare.reasons("Table 8")
    assert "snakemake experiments" in bare.reasons("Table 10")
    for number in CHEN[5:]:
        assert bare.reasons(number, "chen2020"), number


def test_one_observer_is_no_second(fake_results, tmp_path):
    folder = fake_results(observers=("manual",), models=("unet",))
    write(folder / "agreement", "overlap.csv", overlap("unet", "manual", 0.9))
    paper = Paper(folder, tmp_path / "build")
    assert paper.reasons("Table 3") == (
        "O1 vs O2, O2 vs O3 and O3 vs O1: no second observer's contours were given."
    )
    assert paper.rows("tab-bai2018-3-a")["LV cavity"][1] == ["yours", "0.90 (0.05)", "–", "–", "–"]


def test_one_subject_is_no_cohort(fake_results, tmp_path):
    """Numbers and plots of one heart do not stand beside those of 600; with nine they do."""
    folder = fake_results(observers=("Anna", "Bea", "Cleo", "manual"))
    add_agreement(folder)
    drawn = ("fig-bai2018-4", "fig-chen2020-4", "fig-chen2020-8")
    labels = {getattr(block, "label", "") for block in Paper(folder, tmp_path / "nine").blocks()}
    assert set(drawn) <= labels
    for path in (folder / "agreement").glob("*.csv"):
        table = pd.read_csv(path)
        (table.assign(n=1) if "n" in table else table.head(2)).to_csv(path, index=False)
    one = Paper(folder, tmp_path / "one")
    assert not set(drawn) & {getattr(block, "label", "") for block in one.blocks()}
    assert "only one subject could be compared" in one.reasons("Table 3")
    assert "only one subject could be compared" in one.reasons("Table 5")
    assert "no box plot" in one.reasons("Figure 4", "chen2020")


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([("net", "O1"), ("net", "manual")], {AUTOMATIC: ("net", "manual")}),
        ([("other", "manual"), ("net", "O1")], {AUTOMATIC: ("net", "O1")}),
        ([("A", "B"), ("A", "manual"), ("B", "manual")], {"O1 vs O2": ("A", "B")}),
        (
            [("B", "A"), ("C", "A"), ("B", "C"), ("A", "manual")],
            {"O1 vs O2": ("B", "A"), "O3 vs O1": ("C", "A"), "O2 vs O3": ("B", "C")},
        ),
        ([], {}),
    ],
)
def test_who_stands_for_the_papers_observers(pairs, expected):
    assert named_pairs(pairs, ["net", "other"]) == expected


def test_the_pdf_holds_it_and_has_nothing_undefined(fake_results, capsys):
    folder = fake_results(observers=("Anna", "Bea", "Cleo", "manual"))
    add_agreement(folder)
    add_study(folder)
    run = json.loads((folder / "run.json").read_text())
    run["config"]["report"] = {"style": "paper"}
    (folder / "run.json").write_text(json.dumps(run))
    assert main(["report", str(folder)]) == 0
    capsys.readouterr()
    text = " ".join(page.extract_text() for page in pypdf.PdfReader(folder / "report.pdf").pages)
    text = " ".join(text.split())
    for words in (
        "Bai 2018, Table 3",
        "Chen 2020, Table IX",
        "6.1 (5.3)",
        "Not from your data",
        "30.6 (15.5)",
    ):
        assert words in text
    assert "SYNTHETIC DATA" in text
    assert not re.search(r"\b(nan|NaN|None|inf|NaT)\b", text)
