"""Tables I to IX and figures 1 to 8 of Chen 2020, in its order, each beside the user's own."""

from typing import Any

from cinecohort.catalogue.measures import Show, columns_shown
from cinecohort.reporting.document import Block, Citation, Column, Inline, Paragraph, Section, Table
from cinecohort.reporting.numbers import UNDEFINED, count
from cinecohort.reporting.paper import experiments, networks, pictures
from cinecohort.reporting.paper.bai import limits
from cinecohort.reporting.paper.cells import (
    Cell,
    Line,
    Part,
    compared,
    compared_table,
    dataset_spans,
    exhibit,
    mean_and_sd,
    not_made,
    structure_columns,
)
from cinecohort.reporting.paper.own import AUTOMATIC, Own
from cinecohort.reporting.paper.strata import strata_table
from cinecohort.reporting.results import Row, read_table, rows_by
from cinecohort.reporting.sections.overlap import COLUMNS as OVERLAP_COLUMNS
from cinecohort.reporting.vocabulary import named_measure
from cinecohort.statistics.published_tables import load

PAPER = "chen2020"
SETS = ("UKBB", "ACDC", "BSCMR-AS")
DATASET_COLUMNS = ("n_subjects", "cohort", "n_sites", "scanners", "in_plane_mm")
SCANNER_CAPTION = "Segmentation performance of the UKBB model across different scanners: mean (SD) of Dice."
SITE_CAPTION = "Segmentation performance of the UKBB model across different sites: mean (SD) of Dice."
PATHOLOGY_CAPTION = (
    "Segmentation performance of the UKBB model across the five groups of pathological cases and normal "
    "cases (NOR): mean (SD) of Dice."
)
NO_MEASURES = "There are no automatic and manual measures to compare"
MYO_NOTE = "BSCMR-AS has no contours of the RV, and of the myocardium at end-diastole alone."


def sections(own: Own) -> list[Section]:
    """All tables and figures in the paper's order."""
    shown: list[tuple[str, str, str, list[Block]]] = [
        ("Figure 1", "methods", "the question", [Paragraph(figure_1(own))]),
        ("Table I", "agreement", "related work", networks.related_work(own)),
        ("Table II", "participants", "the datasets", table_ii(own)),
        ("Figures 2 and 3", "methods", "network and image pre-processing", networks.chen_network(own)),
        ("Figure 4", "agreement", "box plots of Dice", pictures.box_plots(own)),
        ("Table III", "agreement", "two methods, three test sets", table_iii(own)),
        ("Table IV", "experiments", "four networks", experiments.table_iv(own)),
        ("Table V", "experiments", "normalisation and augmentation", experiments.table_v(own)),
        ("Table VI", "agreement", "scanners", table_vi(own)),
        ("Table VII", "agreement", "sites", table_vii(own)),
        ("Figure 5", "gallery", "good segmentations", pictures.good_cases(own)),
        ("Table VIII", "agreement", "pathologies", table_viii(own)),
        ("Figure 6", "gallery", "worst cases", pictures.worst_cases(own)),
        ("Figure 7", "gallery", "worst slices", pictures.worst_slices(own)),
        ("Figure 8", "agreement", "Bland–Altman plots", figure_8(own)),
        ("Table IX", "agreement", "rank correlation", table_ix(own)),
    ]
    introduction: list[Inline] = [
        "Improving the generalizability of convolutional neural network-based segmentation on CMR images",
        Citation((PAPER,)),
        ". A network trained on UK Biobank is tested there, on ACDC and on BSCMR-AS. Yours stand beside the "
        f"test set of the same name or source ({sets_words(own)}).",
    ]
    parts = [exhibit(PAPER, kind, title, blocks, number) for number, kind, title, blocks in shown]
    return [Section("Chen et al. 2020, table by table", "sec-chen2020", [Paragraph(introduction)]), *parts]


def sets_words(own: Own) -> str:
    """Which dataset of the user's stands beside which published one."""
    found = [f"{name} beside {theirs}" for theirs, name in own.sets.items() if theirs in SETS]
    others = [name for theirs, name in own.sets.items() if theirs not in SETS]
    return "; ".join([*found, *(f"{name} beside none" for name in others)]) or "you have none"


def figure_1(own: Own) -> str:
    """Figure 1 draws the question."""
    return (
        "The figure draws the question, whether a network trained at one site holds at others, and has no "
        f"data. Your networks were tested on {count(len(own.context.results.datasets))} "
        f"dataset{'s' if len(own.context.results.datasets) != 1 else ''}; the tables below say how well."
    )


def table_ii(own: Own) -> list[Block]:
    """Table II: the datasets."""
    rows = [
        [str(row["dataset"]), *(str(row[name]) for name in DATASET_COLUMNS), str(row["slice_thickness_mm"])]
        for row in load("chen2020_table2").to_dict("records")
    ]
    printed = list(range(len(rows)))
    mine = own.agreement("datasets", ("dataset", *DATASET_COLUMNS, "slice_spacing_mm"))
    for row in mine.to_dict("records"):
        cells = [plain(row[name]) for name in (*DATASET_COLUMNS, "slice_spacing_mm")]
        rows.append([f"Yours: {row['dataset']}", *cells])
    titles = ("Subjects", "Cohort", "Sites", "Scanners", "In-plane (mm)", "Slices (mm)")
    table = Table(
        "tab-chen2020-2",
        "Chen 2020, Table II. General descriptions of the datasets.",
        [
            Column("Name", "left"),
            *(
                Column(title, "left", "share") if title in ("Cohort", "Scanners") else Column(title)
                for title in titles
            ),
        ],
        rows,
        published_rows=printed,
        notes="Slices: thickness in the paper, spacing in yours.",
    )
    if len(mine):
        return [table]
    return [
        table,
        not_made("The agreement stage wrote no description of the datasets (agreement/datasets.csv)."),
    ]


def plain(value: Any) -> str:
    """Text of a cell as it stands in the table; a dash for a missing one."""
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return UNDEFINED if text in ("", "nan") else text


def table_iii(own: Own) -> list[Block]:
    """Table III: two methods of the paper, the user's networks as methods, by test set."""
    published = load("chen2020_table3")
    shown = [
        (dataset, name)
        for dataset in SETS
        for name in ("LV", "MYO", "RV")
        if (dataset, name) != ("BSCMR-AS", "RV")
    ]
    theirs = rows_by(published, "method", "dataset", "structure")
    lines = [
        Line(
            "FCN (Bai 2018)",
            [compared(mean_and_sd(theirs["FCN (Bai 2018)", *key], "mean", "sd"), None, 2) for key in shown],
        )
    ]
    named = {"U-Net": "U-Net (Chen 2020)"}
    for model in own.models or [""]:
        mine = by_set(own, model)
        cells = [
            compared(
                mean_and_sd(theirs["U-Net", *key], "mean", "sd"),
                mean_and_sd(mine.get(key), "dice_mean", "dice_sd"),
                2,
            )
            for key in shown
        ]
        if not named:
            cells = [Cell(own=cell.own, difference=cell.difference) for cell in cells]
        name = named.pop("U-Net", "") or f"yours: {model}"
        lines.append(Line(f"{name}; yours: {model}" if "U-Net" in name and model else name, cells))
    table = compared_table(
        "tab-chen2020-3",
        "Chen 2020, Table III. Segmentation performance of a baseline method and the proposed method across "
        "three test sets: mean (SD) of Dice.",
        structure_columns(name for _, name in shown),
        [Part("", lines)],
        f"Differences are to the proposed method (U-Net). {MYO_NOTE}",
        dataset_spans(published, shown),
    )
    return [table, *unmatched_sets(own)]


def by_set(own: Own, model: str) -> dict[Any, Row]:
    """Overlap of a model by (published set, structure), against the observer of the automatic comparison."""
    pair = own.pairs.get(AUTOMATIC)
    found: dict[Any, Row] = {}
    for theirs in own.sets:
        key = own.dataset_key(theirs)
        columns = (*OVERLAP_COLUMNS, "dataset")
        name = "overlap_by_dataset" if key else "overlap"
        table = read_table(own.context.results.folder / "agreement" / f"{name}.csv", columns)
        same = (table["source"] == model) & (table["selection"] == "all") & (table["view"] == "sa")
        same &= table["reference"] == (pair[1] if pair else "")
        if key:
            same &= table["dataset"] == key
        found |= {(theirs, structure): row for structure, row in rows_by(table[same], "structure").items()}
    return found


def unmatched_sets(own: Own) -> list[Block]:
    """Own datasets that are none of the published ones, by model; or why nothing is beside the table."""
    if AUTOMATIC not in own.pairs:
        return [not_made(f"There is no Dice: {own.why_not(AUTOMATIC)}.")]
    rows: list[list[str] | str] = []
    for model in own.models:
        mine = by_set(own, model)
        for theirs, dataset in own.sets.items():
            if theirs not in SETS and any(key[0] == theirs for key in mine):
                known = {key[1]: row for key, row in mine.items() if key[0] == theirs}
                dice = [
                    compared(None, mean_and_sd(known.get(name), "dice_mean", "dice_sd"), 2).own
                    for name in ("LV", "MYO", "RV")
                ]
                rows.append([model, dataset, count(max(row["n"] for row in known.values())), *dice])
    if not rows:
        return []
    heads = [Column("Yours", "left"), Column("Tested on", "left", "share"), Column("n")]
    return [
        Table(
            "tab-chen2020-3-own",
            "Your datasets that are none of the paper's test sets: mean (SD) of Dice.",
            [*heads, *structure_columns()],
            rows,
        )
    ]


def table_vi(own: Own) -> list[Block]:
    """Table VI: vendors and field strengths."""
    return strata_table(
        own,
        "VI",
        {"vendor": "vendor", "field_t": "field_strength"},
        "chen2020_table6",
        SCANNER_CAPTION,
        f"{MYO_NOTE} The paper leaves out six subjects of ACDC with a Dice below 0.50; beside them stand "
        "yours without such subjects.",
    )


def table_vii(own: Own) -> list[Block]:
    """Table VII: sites, whose names the paper does not give, so that none of the user's is one of them."""
    notes = f"{MYO_NOTE} The paper does not name its sites, so yours stand apart from them."
    return strata_table(own, "VII", {"site": "site"}, "chen2020_table7", SITE_CAPTION, notes)


def table_viii(own: Own) -> list[Block]:
    """Table VIII: groups of pathology; the user's column ``group`` where it has the same names."""
    return strata_table(own, "VIII", {"group": "pathology"}, "chen2020_table8", PATHOLOGY_CAPTION, MYO_NOTE)


def figure_8(own: Own) -> list[Block]:
    """Figure 8: plots, and bias and limits without outliers, as in the paper."""
    caption = (
        "Chen 2020, Figure 8. Bland–Altman plots of automatic and manual measures: difference against mean, "
        "with bias (solid) and limits of agreement (dashed)."
    )
    plots = pictures.plots(own, "bland_altman_models.svg", "fig-chen2020-8", caption)
    acdc = own.dataset_key("ACDC")
    known = limits(own, AUTOMATIC, acdc or "", "removed")
    printed = rows_by(load("chen2020_figure8"), "method")
    parts = [Part("LVM (g) in ACDC", [*lvm_lines(printed, known if acdc is not None else {})])]
    yours = [
        Line(named_measure(measure), limit_cells(None, known[measure]))
        for measure in columns_shown(Show.PRINCIPAL)
        if measure in known
    ]
    whose = f"Yours, {own.sets['ACDC']}" if acdc else "Yours"
    parts += [Part(whose, yours)] if yours else []
    heads = ("Mean difference", "SD", "Lower limit", "Upper limit")
    table = compared_table(
        "tab-chen2020-figure-8",
        "Chen 2020, Figure 8, in numbers: mean difference (automatic minus manual), its SD and the limits of "
        "agreement.",
        [Column(head) for head in heads],
        parts,
        "The paper's text gives the LV mass in ACDC; its other numbers stand in the picture alone. Outlying "
        "differences are left out, in the paper by 1.5 interquartile ranges and in yours by the rule of the "
        "configuration.",
    )
    if known:
        return [*plots, table]
    return [table, not_made(f"{NO_MEASURES}: {own.why_not(AUTOMATIC)}.")]


def lvm_lines(printed: dict[Any, Row], known: dict[Any, Row]) -> list[Line]:
    """LV mass in ACDC by both methods of the paper; the user's own beside the second."""
    ours = {"FCN (Bai 2018)": None, "U-Net": known.get("lvm_g")}
    return [Line(method, limit_cells(printed[method], row)) for method, row in ours.items()]


def limit_cells(theirs: Row | None, row: Row | None) -> list[Cell]:
    """Bias, SD and both limits, published and of a row of limits of agreement."""
    return [
        compared(
            (theirs[name], None) if theirs is not None and name in theirs else None,
            (row[name], None) if row is not None else None,
            2,
        )
        for name in ("bias", "sd", "loa_lower", "loa_upper")
    ]


def table_ix(own: Own) -> list[Block]:
    """Table IX: Spearman's rank correlation by test set."""
    published = load("chen2020_table9")
    measures = columns_shown(Show.PRINCIPAL)
    theirs = rows_by(published, "dataset", "measure")
    lines = []
    any_there = False
    others = {theirs_name: name for theirs_name, name in own.sets.items() if theirs_name not in SETS}
    for dataset in (*SETS, *others):
        key = own.dataset_key(dataset)
        mine = own.measure_rows(own.tables.correlation, AUTOMATIC, key) if key is not None else {}
        any_there |= bool(mine)
        n = next((row["n"] for row in mine.values()), None)
        first = published.loc[published["dataset"] == dataset, "n"]
        words = f"{dataset} (n = {count(first.iloc[0])})" if len(first) else ""
        yours = f"yours: {own.sets[dataset]} (n = {count(n)})" if n is not None else ""
        cells = [
            compared(
                (theirs[dataset, m]["spearman"], None) if (dataset, m) in theirs else None,
                (mine[m]["spearman_rho"], None) if m in mine else None,
                2,
            )
            for m in measures
        ]
        lines.append(Line("; ".join(filter(None, (words, yours))), cells))
    table = compared_table(
        "tab-chen2020-9",
        "Chen 2020, Table IX. Spearman's rank correlation coefficients of clinical parameters derived from "
        "the automatic measurements and the manual measurements.",
        [Column(named_measure(measure, unit=False)) for measure in measures],
        [Part("", lines)],
        "The paper's text calls its coefficient r², its caption the coefficient; yours is ρ.",
    )
    if any_there:
        return [table]
    return [table, not_made(f"{NO_MEASURES}: {own.why_not(AUTOMATIC)}.")]
