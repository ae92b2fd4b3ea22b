"""``cinecohort reliability``: intraclass correlations, SEM, MDC95 and within-subject CV of several raters."""

import argparse
from pathlib import Path

from cinecohort.errors import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.add_argument("table", metavar="LONG.csv", type=Path, help="a row a subject and rater")
    parser.add_argument("--subject", metavar="COL", required=True, help="column of the subject")
    parser.add_argument("--rater", metavar="COL", required=True, help="column of the rater")
    parser.add_argument("--value", metavar="COL", required=True, help="column of the value")
    parser.add_argument("--out", metavar="FILE.csv", type=Path, required=True, help="table to write")


def run(arguments: argparse.Namespace) -> int:
    """Compute the reliability table and print ICC(A,1) in one line."""
    from cinecohort.ledger.tables import read_users_table, write_table
    from cinecohort.statistics.reliability import reliability

    table, notes = read_users_table(arguments.table, [arguments.subject, arguments.rater])
    for line in notes:
        print(line)
    result = reliability(table, arguments.subject, arguments.rater, arguments.value)
    write_table(arguments.out, result)
    row = result.set_index("type").loc["ICC(A,1)"]
    size = f"{row['n_subjects']} subjects, {row['n_raters']} raters"
    if row["icc"] != row["icc"]:
        raise UserError(f"{size}: no coefficient can be given ({row['note']}).")
    print(f"{size}: ICC(A,1) = {row['icc']:.3f}; {row['n_incomplete']} incomplete subjects left out.")
    return 0
