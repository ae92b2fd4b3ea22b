"""The files of a comparison of two tables of measures."""

from pathlib import Path

from cinecohort.ledger.tables import write_table
from cinecohort.statistics.agreement import AgreementResult


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
    ``bland_altman_repeated.csv`` where there are repeats; ``bland_altman.svg`` and ``correlation.svg``.
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
    if figures:
        # Matplotlib takes a second to load.
        from cinecohort.reporting.agreement_figures import write_comparison_figures

        paths += write_comparison_figures(result, folder, names)
    return paths
