"""``cinecohort match``: propensity score matching of a table."""

import argparse
from pathlib import Path

from cinecohort.commands.model_options import add_options, read_options
from cinecohort.errors import UserError
from cinecohort.statistics.study_options import MatchingOptions

SETTINGS = (
    *("method", "estimand", "distance", "order", "ratio", "replace"),
    *("caliper", "caliper_scale", "discard", "seed"),
)
"""Settings of the matching that are options of the command by their own names."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("table", type=Path, metavar="TABLE.csv", help="one row per subject")
    parser.add_argument(
        "--treatment", required=True, metavar="COL", help="column of 0 and 1 (1 = treated), or of labels"
    )
    parser.add_argument(
        "--groups",
        default="",
        metavar="TREATED,CONTROL",
        help="the two labels to match, where they are not 1 and 0; subjects of others are left out",
    )
    parser.add_argument(
        "--covariates", default="", metavar="A,B,...", help="columns to match on; text columns are factors"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write into")
    parser.add_argument(
        "--id", default="subject", metavar="COL", help="column of unique ids (default subject)"
    )
    add_options(parser, MatchingOptions, SETTINGS)
    parser.add_argument(
        "--covariate-caliper",
        action="append",
        default=[],
        metavar="COL=C",
        help="caliper on a covariate; may be repeated",
    )
    parser.add_argument("--exact", default="", metavar="COL,...", help="columns in which partners must agree")
    parser.add_argument("--score", metavar="COL", help="propensity score that the table already has")
    parser.add_argument(
        "--drop-missing", action="store_true", help="leave out subjects with missing covariates"
    )
    parser.set_defaults(usage_error=parser.error)


def run(arguments: argparse.Namespace) -> int:
    """Match, and write ``pairs, scores, matched, balance`` as CSV, ``love`` and ``score_overlap`` as SVG."""
    from cinecohort.commands.users_table import read_and_remark
    from cinecohort.ledger.tables import split_names, write_table
    from cinecohort.reporting import printed
    from cinecohort.statistics.balance import balance_table, balance_verdict
    from cinecohort.statistics.group_comparisons import TREATMENT, two_groups
    from cinecohort.statistics.matching import match
    from cinecohort.synthetic import BANNER, any_synthetic

    options = _options(arguments)
    covariates = split_names(arguments.covariates)
    if not covariates and arguments.score is None:
        arguments.usage_error("one of --covariates and --score is needed")
    table = read_and_remark(arguments.table, [arguments.id], may_be_empty=False)
    notes = []
    if arguments.drop_missing:
        needed = [c for c in (*covariates, *options.exact, arguments.score) if c in table]
        complete = table.dropna(subset=needed)
        if len(complete) < len(table):
            notes.append(
                f"{len(table) - len(complete)} of {len(table)} subjects left out: a covariate is missing."
            )
        table = complete
    treatment, labels = arguments.treatment, ("treated", "control")
    if chosen := split_names(arguments.groups):
        if len(chosen) != 2:
            arguments.usage_error("--groups needs two labels, TREATED,CONTROL")
        both = two_groups(table, treatment, chosen)
        notes += [f"{len(table) - len(both)} subjects of other groups left out."] * (len(both) < len(table))
        table, treatment, labels = both, TREATMENT, (chosen[0], chosen[1])
    matching = match(table, treatment, covariates, options, identifier=arguments.id, score=arguments.score)
    if not len(matching.pairs.focal):
        raise UserError(
            "No pair was formed: no subject has a partner within the calipers and exact columns. "
            + " ".join(matching.warnings)
        )
    balance = balance_table(matching)
    synthetic = any_synthetic(table)
    write_table(arguments.out / "pairs.csv", matching.pairs_table(), synthetic)
    write_table(arguments.out / "scores.csv", matching.scores_table(), synthetic)
    write_table(
        arguments.out / "matched.csv",
        matching.matched_table().drop(columns=TREATMENT, errors="ignore"),
        synthetic,
    )
    write_table(arguments.out / "balance.csv", balance, synthetic)
    printed.balance(balance, labels, arguments.out)
    if synthetic:
        notes.append(f"{BANNER}.")
    from cinecohort.reporting.study_figures import love_plot, overlap_plot
    from cinecohort.statistics.power import smallest_detectable_difference

    love_plot(balance, arguments.out / "love.svg")
    overlap_plot(matching.scores_table(), labels, arguments.out / "score_overlap.svg")
    notes.extend(matching.warnings)
    treated, control = (int(matching.size("matched", group)) for group in ("treated", "control"))
    print(
        f"{treated} of {matching.size('all', 'treated'):.0f} treated matched to "
        f"{control} of {matching.size('all', 'control'):.0f} controls."
    )
    for line in (*notes, balance_verdict(balance)[1]):
        print(line)
    if min(treated, control) > 1:
        detectable = smallest_detectable_difference(treated, control, 1, 1)
        print(
            f"A difference of {detectable:.2f} SD is found with 80 % power (Welch's test at the 5 % level)."
        )
    return 0


def _options(arguments: argparse.Namespace) -> MatchingOptions:
    """Make matching options of the arguments; what they refuse is wrong usage."""
    from pydantic import ValidationError

    from cinecohort.ledger.tables import split_names

    calipers = dict(text.partition("=")[::2] for text in arguments.covariate_caliper)
    try:
        return MatchingOptions.model_validate(
            {
                **read_options(arguments, SETTINGS),
                "covariate_calipers": calipers,
                "exact": tuple(split_names(arguments.exact)),
            }
        )
    except ValidationError as error:
        first = error.errors()[0]
        option = str([*first["loc"], "method"][0]).replace("_", "-")
        arguments.usage_error(f"--{option}: {first['msg']}")
        raise AssertionError("argparse exits on wrong usage") from error
