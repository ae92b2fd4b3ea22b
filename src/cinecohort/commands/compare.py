"""``cinecohort compare``: outcomes of two groups, matched or not."""

import argparse
from pathlib import Path

from cinecohort.commands.model_options import add_options
from cinecohort.statistics.study_options import StudyOptions


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("table", type=Path, metavar="TABLE.csv", help="one row per subject")
    parser.add_argument("--group", required=True, metavar="COL", help="column of the groups' labels")
    parser.add_argument(
        "--groups",
        default="",
        metavar="A,B,...",
        help="labels to compare, differences being A - B (default all; of 0 and 1, 1 - 0)",
    )
    parser.add_argument("--outcomes", required=True, metavar="A,B,...", help="columns to compare")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.csv", help="table to write")
    parser.add_argument(
        "--id", default="subject", metavar="COL", help="column of ids that the pairs name (default subject)"
    )
    parser.add_argument(
        "--pairs", type=Path, metavar="pairs.csv", help="matched pairs: only their members are compared"
    )
    parser.add_argument(
        "--covariates", default="", metavar="A,B,...", help="columns to adjust for, beside the rest"
    )
    add_options(parser, StudyOptions, ("alpha",))
    parser.set_defaults(usage_error=parser.error)


def run(arguments: argparse.Namespace) -> int:
    """Compare, and write one row for each outcome and pair of groups."""
    from cinecohort.commands.users_table import read_and_remark
    from cinecohort.ledger.tables import read_table, split_names, write_table
    from cinecohort.reporting import printed
    from cinecohort.statistics.group_comparisons import compare_groups
    from cinecohort.synthetic import BANNER, any_synthetic

    outcomes = split_names(arguments.outcomes)
    if not outcomes:
        arguments.usage_error("--outcomes names no column")
    table = read_and_remark(arguments.table, [arguments.id], may_be_empty=False)
    result, overall = compare_groups(
        table,
        arguments.group,
        outcomes,
        labels=split_names(arguments.groups),
        pairs=read_table(arguments.pairs, ["treated", "control"]) if arguments.pairs else None,
        covariates=split_names(arguments.covariates),
        identifier=arguments.id,
        alpha=arguments.alpha,
    )
    synthetic = any_synthetic(table)
    write_table(arguments.out, result, synthetic)
    printed.comparisons(result, arguments.alpha, arguments.out)
    for note in dict.fromkeys(filter(None, result["adjusted_note"])):
        print(f"Adjusted difference: {note}.")
    print(f"{len(outcomes)} outcome{'s' if len(outcomes) > 1 else ''} compared:")
    for (first, second), part in result.groupby(["group1", "group0"], sort=False):
        print(f"{first} ({part['n1'].max()} subjects) - {second} ({part['n0'].max()} subjects)")
    if overall is not None:
        path = arguments.out.with_name(f"{arguments.out.stem}_overall{arguments.out.suffix}")
        write_table(path, overall, synthetic)
        print(f"Tests of all groups together are in {path}.")
    if synthetic:
        print(f"{BANNER}.")
    for reason, part in result[result["p_note"] != ""].groupby("p_note", sort=False):
        print(f"{', '.join(dict.fromkeys(part['outcome']))}: {reason}.")
    return 0 if result[["p", "adjusted_p"]].notna().any(axis=None) else 1
