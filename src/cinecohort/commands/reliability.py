"""``cinecohort reliability``: intraclass correlations, SEM, MDC95 and within-subject CV of several raters."""

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

from cinecohort.errors import UserError

if TYPE_CHECKING:
    import pandas as pd


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    parser.usage = (
        "%(prog)s LONG.csv --subject COL --rater COL --value COL,... --out FILE.csv\n"
        "       %(prog)s WIDE.csv --subject COL --raters [MEASURE=]COL,COL,... --out FILE.csv"
    )
    parser.add_argument("table", metavar="TABLE.csv", type=Path, help="one row per subject (and rater)")
    parser.add_argument("--subject", metavar="COL", required=True, help="column of the subject")
    parser.add_argument("--rater", metavar="COL", help="column of the rater, in a long table")
    parser.add_argument("--value", metavar="COL,...", default="", help="columns of values, in a long table")
    parser.add_argument(
        "--raters",
        metavar="[MEASURE=]COL,COL,...",
        action="append",
        default=[],
        help="columns of one measure in a wide table, one for each rater; may be repeated",
    )
    parser.add_argument("--out", metavar="FILE.csv", type=Path, required=True, help="table to write")
    parser.set_defaults(usage_error=parser.error)


def run(arguments: argparse.Namespace) -> int:
    """Compute the reliability table and print ICC(A,1) of each measure in one line."""
    import pandas as pd

    from cinecohort.commands.users_table import read_and_remark
    from cinecohort.ledger.tables import split_names, write_table
    from cinecohort.reporting import printed
    from cinecohort.statistics.reliability import reliability, reliability_of_columns

    values, wide = split_names(arguments.value), _wide(arguments.raters)
    if bool(values and arguments.rater) == bool(wide):
        arguments.usage_error("needs --rater and --value of a long table, or --raters of a wide one")
    keys = [arguments.subject, *([arguments.rater] if arguments.rater else [])]
    table = read_and_remark(arguments.table, keys)
    parts = {name: reliability(table, arguments.subject, arguments.rater, name) for name in values} | {
        name: reliability_of_columns(table, arguments.subject, columns) for name, columns in wide.items()
    }
    table = pd.concat([part.assign(measure=name) for name, part in parts.items()])
    write_table(arguments.out, table)
    printed.reliability(table, arguments.out)
    lines = {name: _sentence(part) for name, part in parts.items()}
    if not any(defined for defined, _ in lines.values()):
        raise UserError(next(iter(lines.values()))[1])
    for name, (_, line) in lines.items():
        print(f"{name}: {line}" if len(lines) > 1 else line)
    return 0


def _wide(texts: list[str]) -> dict[str, list[str]]:
    """Columns of every measure of a wide table; without a name a measure has that of its first column."""
    from cinecohort.ledger.tables import split_names

    result = {}
    for text in texts:
        name, given, columns = text.rpartition("=")
        result[name.strip() if given else split_names(columns)[0]] = split_names(columns)
    return result


def _sentence(part: "pd.DataFrame") -> tuple[bool, str]:
    """Whether ICC(A,1) is defined, and what to print of it."""
    row = part.set_index("type").loc["ICC(A,1)"]
    size = f"{row['n_subjects']} subjects, {row['n_raters']} raters"
    if row["icc"] != row["icc"]:
        return False, f"{size}: no coefficient can be given ({row['note']})."
    without_key = re.search(r"\d+ rows without a subject or rater", str(row["note"]))
    left_out = f"{row['n_incomplete']} incomplete subjects{f' and {without_key[0]}' if without_key else ''}"
    return True, f"{size}: ICC(A,1) = {row['icc']:.3f}; {left_out} left out."
