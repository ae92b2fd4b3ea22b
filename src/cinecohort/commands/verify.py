"""``cinecohort verify``: every file of the store against its record."""

import argparse
from pathlib import Path

from cinecohort.errors import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Define the arguments."""
    parser.add_argument("results", type=Path, metavar="RESULTS_DIR", help="the workflow's results folder")
    parser.add_argument(
        "--keep-records",
        action="store_true",
        help="only report; otherwise the next run is made to repair what is damaged",
    )


def run(arguments: argparse.Namespace) -> int:
    """Check the store and print what is damaged, one line per file."""
    from cinecohort.cohort.run_lock import RunLock
    from cinecohort.cohort.verify import repair, verify

    if not (arguments.results / "subjects").is_dir():
        raise UserError(f"{arguments.results}: is no results folder (it has no folder `subjects`).")
    lock = RunLock(arguments.results)
    other = lock.take()
    report = verify(arguments.results)
    for damage in report.damages:
        print(f"{damage.subject}  {damage.stage}  {damage.file}  {damage.what}")
    for subject in report.unindexed:
        print(f"{subject}  -  -  no longer in the index; its folder may be deleted")
    for path in report.abandoned:
        print(f"{path.parent.name}  -  {path.name}  left by a job that was killed")
    if other:
        print(f"This was only a look, since {other}")
    elif not arguments.keep_records:
        repair(arguments.results, report)
    lock.release()
    n = len(report.damages)
    print(
        f"{report.n_files:,} files of {report.n_subjects:,} subjects checked: "
        + (f"{n:,} damaged." if n else "all are as recorded.")
        + (" Run the workflow again to repair them." if n and not (arguments.keep_records or other) else "")
    )
    return 1 if n else 0
