"""The ``calibrate`` command: what predicts a bad segmentation, learnt from subjects with human labels."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("results", type=Path, metavar="RESULTS", help="results folder of the workflow")
    parser.add_argument("--observer", required=True, help="whose labels are the reference")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the calibration, JSON")
    parser.add_argument("--source", help="set of models (default: the first of the measures)")
    parser.add_argument(
        "--no-volumes",
        nargs="*",
        metavar="DATASET",
        help="datasets whose voxel size is not known (without a name: all): Dice and ejection fraction alone",
    )
    parser.add_argument(
        "--prevalence",
        type=float,
        help="share of subjects with a bad result that the probabilities are made for (default: that found)",
    )
    limits = parser.add_argument_group("a result is bad beyond")
    limits.add_argument("--dice", type=float, default=0.7, help="Dice of a structure (default: 0.7)")
    limits.add_argument("--edv-ml", type=float, default=15.0, help="difference of LVEDV (default: 15)")
    limits.add_argument("--ef-points", type=float, default=8.0, help="difference of LVEF (default: 8)")
    limits.add_argument("--mass-g", type=float, default=20.0, help="difference of LV mass (default: 20)")
    parser.add_argument("--seed", type=int, default=1, help="of folds and resampling (default: 1)")


def run(arguments: argparse.Namespace) -> int:
    """Learn, write the calibration and its report, sum up in one line."""
    from cinecohort.calibration.learn import calibrate
    from cinecohort.calibration.options import CalibrateOptions
    from cinecohort.calibration.record import write_calibration
    from cinecohort.calibration.rows import read_rows
    from cinecohort.options import parse_options
    from cinecohort.reporting import printed
    from cinecohort.reporting.calibration_page import number, write_report

    failure = {
        "dice": arguments.dice,
        "edv_ml": arguments.edv_ml,
        "ef_pct": arguments.ef_points,
        "mass_g": arguments.mass_g,
    }
    values = {"failure": failure, "prevalence": arguments.prevalence, "seed": arguments.seed}
    options = parse_options(values, CalibrateOptions, "the calibration")
    rows = read_rows(arguments.results, arguments.observer, arguments.source)
    unsized = arguments.no_volumes
    if unsized is not None and not unsized:
        unsized = sorted(set(rows.table["dataset"]))
    made = calibrate(rows, arguments.observer, options, unsized or ())
    write_calibration(made, arguments.out)
    printed.calibration(made, arguments.out)
    report = ", ".join(str(path) for path in write_report(made, arguments.out))
    judged = made.assessment
    print(
        f"{arguments.out} ({report}): {sum(made.participants.values())} participants, "
        f"{made.failures['any']} of {sum(made.rows.values())} rows with a bad result; at the cut the "
        f"sensitivity is {number(judged.sensitivity)}, and {number(judged.good_flagged)} of the good are "
        "flagged"
    )
    return 0
