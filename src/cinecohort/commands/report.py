"""``cinecohort report``: the report again from a results folder."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("results", type=Path, metavar="RESULTS_DIR", help="results folder of the workflow")
    parser.add_argument("--out", type=Path, help="the PDF (default: report.pdf in the results folder)")
    parser.add_argument(
        "--list-subjects",
        action="store_true",
        help="print the keys of the subjects for review (not for sharing)",
    )
    parser.add_argument(
        "--style",
        choices=["standard", "paper"],
        help="paper: tables and figures of Bai 2018 and Chen 2020 beside yours (default: as configured)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Make the report and say where it is."""
    from pydantic import ValidationError

    from cinecohort.errors import UserError
    from cinecohort.reporting.report import make_report
    from cinecohort.reporting.settings import report_settings

    if not arguments.results.is_dir():
        raise UserError(f"{arguments.results}: there is no such folder; give the results folder of a run.")
    options, config = report_settings(arguments.results)
    if arguments.list_subjects:
        options = options.model_copy(update={"list_subjects": True})
    if arguments.style:
        options = options.model_copy(update={"style": arguments.style})
    output = arguments.out or arguments.results / "report.pdf"
    try:
        make_report(arguments.results, output, options, config)
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise UserError(
            f"{arguments.results}: made with settings that this version does not know (`{where}` of "
            f"{error.title}); run the workflow again, or use the version that made the results."
        ) from error
    print(f"wrote {output}")
    return 0
