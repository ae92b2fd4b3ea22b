"""The files of agreement: of one comparison of two tables of measures, and of a whole cohort."""

from collections.abc import Sequence
from pathlib import Path

from cinecohort.analyses.agreement_report import AgreementReport, compare_sources
from cinecohort.ledger.columns import COHORT
from cinecohort.ledger.frames import read_frame
from cinecohort.ledger.table_schemas import describe_tables
from cinecohort.ledger.tables import write_table
from cinecohort.statistics.agreement import AgreementResult
from cinecohort.statistics.comparisons import SINGLE_OBSERVER, Comparison
from cinecohort.statistics.options import AgreementOptions
from cinecohort.statistics.unvalidated import Unvalidated

AGREEMENT_TITLE = "Agreement of networks and observers"


def write_agreement(
    result: AgreementResult,
    folder: Path,
    names: tuple[str, str] = ("first", "second"),
    figures: bool = True,
    synthetic: bool = False,
) -> list[Path]:
    """Write the tables and figures of a comparison into a folder and return their paths.

    ``differences.csv, bland_altman.csv, correlation.csv`` and, beside them, ``bland_altman_scales.csv``,
    ``pairing.csv`` (counts by table), ``unpaired.csv`` (what has no partner, and why), and
    ``bland_altman_repeated.csv`` where there are repeats; ``bland_altman.svg``, ``correlation.svg`` and, with
    the values that they show, ``points.csv``.
    """
    tables = {
        "differences": result.differences,
        "bland_altman": result.bland_altman,
        "correlation": result.correlation,
        "bland_altman_scales": result.scales,
        "pairing": result.pairing.counts,
        "unpaired": result.pairing.unpaired,
    }
    if result.repeated is not None:
        tables["bland_altman_repeated"] = result.repeated
    for name, table in tables.items():
        write_table(folder / f"{name}.csv", table, synthetic)
    paths = [folder / f"{name}.csv" for name in tables]
    drawn: list[Path] = []
    if figures:
        # Matplotlib takes a second to load.
        from cinecohort.reporting.agreement_figures import points_table, write_comparison_figures

        write_table(folder / "points.csv", points_table(result.pairing), synthetic)
        paths.append(folder / "points.csv")
        drawn = list(write_comparison_figures(result, folder, names))
    described = [path.name for path in paths]
    title = f"Agreement of {names[0]} and {names[1]}"
    return [*paths, describe_tables(folder, described, title), *drawn]


def run(
    measures_tsv: Path,
    overlap_tsv: Path,
    participants_tsv: Path,
    folder: Path,
    options: AgreementOptions,
    status_tsv: Path | None = None,
    conversion_tsv: Path | None = None,
    unvalidated: Unvalidated = "include",
) -> None:
    """Compare the sources of a cohort's tables, and write everything about it.

    See :func:`cinecohort.analyses.agreement_report.compare_sources` and :func:`write_report`.
    """
    report = compare_sources(
        read_frame(measures_tsv, "measures", ("subject", "source", "kind")),
        read_frame(overlap_tsv, "overlap", COHORT["overlap"].columns),
        read_frame(participants_tsv, "participants", ("subject",)),
        options,
        read_frame(status_tsv, "status") if status_tsv else None,
        read_frame(conversion_tsv, "conversion") if conversion_tsv else None,
        unvalidated,
    )
    write_report(report, folder, options)


def write_report(report: AgreementReport, folder: Path, options: AgreementOptions) -> None:
    """Write the tables and figures of a cohort's agreement.

    One folder for each comparison with what :func:`write_agreement` writes, and beside them the report's
    tables, ``bland_altman_grid.svg`` (Bai 2018, Figure 4), ``bland_altman_models.svg`` (Chen 2020, Figure 8),
    ``dice_boxplot.svg`` (Chen 2020, Figure 4) and its numbers, ``dice_boxplot.csv``. A figure without data is
    not written.
    """
    for name, table in report.tables.items():
        write_table(folder / f"{name}.csv", table)
    for each, result in report.comparisons:
        names = (each.first_name, each.second_name)
        write_agreement(result, folder / each.folder, names, figures=not each.dataset)
    describe_tables(folder, [f"{name}.csv" for name in report.tables], AGREEMENT_TITLE)
    _write_grids(report.comparisons, folder, options)
    if not report.images.empty:
        from cinecohort.reporting.agreement_figures import write_dice_boxplot

        write_dice_boxplot(folder / "dice_boxplot.svg", report.images)
        write_table(folder / "dice_boxplot.csv", report.images[["dataset", "source", "dice"]])


def _write_grids(
    made: Sequence[tuple[Comparison, AgreementResult]], folder: Path, options: AgreementOptions
) -> None:
    """Bland-Altman grids: the primary model and the observers; the models side by side in each dataset."""
    # Matplotlib takes a second to load.
    from cinecohort.reporting.agreement_figures import write_bland_altman_grid

    automatic = [pair for pair in made if pair[0].kind == "automatic-observer" and pair[0].plain_name]
    single = [pair for pair in automatic if pair[0].second_name == SINGLE_OBSERVER]
    automatic = single or automatic
    observers = [pair for pair in made if pair[0].kind == "observer-observer" and not pair[0].dataset]
    primary = [pair for pair in automatic if pair[0].primary and not pair[0].dataset]
    grids = {"bland_altman_grid": primary + observers}
    if len({one.first_name for one, _ in automatic}) > 1:
        within = [pair for pair in automatic if pair[0].dataset] or automatic
        grids["bland_altman_models"] = sorted(within, key=lambda pair: (pair[0].dataset, pair[0].second_name))
    for name, columns in grids.items():
        if columns:
            pairs = {
                one.title: {measure: result.pairing.values(measure) for measure in result.pairing.measures}
                for one, result in columns
            }
            write_bland_altman_grid(folder / f"{name}.svg", pairs, options)
