"""Planted against found: every fault of the phantom cohort beside the findings of the workflow.

    python benchmarks/demo_faults.py [--truth data/phantom/truth.tsv] [--results results]

Run after ``make report``. Prints one row per fault; ends with 1 if a fault was not found by the stage and
with the code that ``truth.tsv`` expects, or if a subject without a fault has a finding of a fault that
conversion sees.
"""

import argparse
import sys
from pathlib import Path

import pandas as pd


def read(path: Path) -> pd.DataFrame:
    """A table of text."""
    if not path.is_file():
        raise SystemExit(f"{path}: there is no such file; run `make report` first.")
    return pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)


def compare(truth: pd.DataFrame, findings: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Each planted fault with what was found of it, and sentences on what is wrong.

    Parameters
    ----------
    truth
        ``truth.tsv`` of the phantom.
    findings
        ``cohort/findings.tsv`` of the workflow.
    """
    findings = findings[findings["level"] != "info"]
    known = findings.merge(truth[["subject", "fault"]], on="subject", how="left")
    rows, wrong = [], []
    for planted in truth[truth["fault"] != ""].to_dict("records"):
        subject, code, stage = planted["subject"], planted["expected_code"], planted["expected_stage"]
        own = known[known["subject"] == subject]
        same = known[(known["code"] == code) & (known["stage"] == stage)]
        elsewhere = sorted(set(same.loc[same["fault"] == "", "subject"]))
        hit = bool((same["subject"] == subject).any())
        rows.append(
            {
                "subject": subject,
                "fault": planted["fault"],
                "expected": f"{stage} {code}".strip() or "nothing",
                "found": ("yes" if hit else "NO") if code else "",
                "codes of that stage": " ".join(sorted(set(own.loc[own["stage"] == stage, "code"]))),
                "sound subjects with the code": len(elsewhere),
            }
        )
        if code and not hit:
            wrong.append(f"{subject}: {planted['fault']} was planted, and {stage} does not say {code}.")
        if stage == "convert":
            wrong += [f"{each}: {code} of conversion, and nothing was planted." for each in elsewhere]
    return pd.DataFrame(rows), sorted(set(wrong))


def main() -> int:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--truth", type=Path, default=Path("data/phantom/truth.tsv"))
    parser.add_argument("--results", type=Path, default=Path("results"))
    arguments = parser.parse_args()
    table, wrong = compare(read(arguments.truth), read(arguments.results / "cohort" / "findings.tsv"))
    print(table.to_string(index=False))
    print(*wrong, sep="\n", file=sys.stderr, end="\n" if wrong else "")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
