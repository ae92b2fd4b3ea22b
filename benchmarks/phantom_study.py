"""Whether the matched study finds the effect that was planted in phantom tables.

    python benchmarks/phantom_study.py [--subjects 5000] [--seeds 10] [--write]

For each seed, `cinecohort phantom --tables-only` is written and the obesity study of the demo's configuration
is done on it: exclusions, propensity score, nearest-neighbour matching, groups compared. The difference of
each outcome is held against the one that was planted, that of Bai 2018, Table 8. ``--write`` puts the tables
into ``phantom_study.md``.
"""

import argparse
import tempfile
import time
from pathlib import Path

import pandas as pd
import yaml

from cinecohort.analyses.group_study import compare_matched, match_cohort
from cinecohort.phantom.options import PhantomOptions
from cinecohort.phantom.people import OBESITY_EFFECT
from cinecohort.phantom.tables import write_tables
from cinecohort.statistics.published_tables import load
from cinecohort.statistics.study_cohort import Flow, select_cohort
from cinecohort.statistics.study_options import StudyOptions

CONFIG = Path(__file__).parents[1] / "config" / "config.yaml"


def demo_study() -> StudyOptions:
    """The study of the demo's configuration."""
    return StudyOptions(name="obesity", **yaml.safe_load(CONFIG.read_text())["studies"]["obesity"])


def one_study(folder: Path, subjects: int, seed: int, options: StudyOptions) -> tuple[pd.DataFrame, float]:
    """Comparison of the matched groups by outcome, and the processor seconds that writing the tables took."""
    started = time.process_time()
    write_tables(folder, PhantomOptions(subjects=subjects, seed=seed, tables_only=True))
    seconds = time.process_time() - started
    participants = pd.read_csv(folder / "participants.tsv", sep="\t", dtype={"visit": str})
    measures = pd.read_csv(folder / "measures.tsv", sep="\t")
    cohort = select_cohort(measures, participants, None, options, Flow(len(participants)))
    comparison = compare_matched(match_cohort(cohort, options), options)
    return comparison.set_index("outcome"), seconds


def main() -> None:
    """Do the studies and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--subjects", type=int, default=5000)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--write", action="store_true", help="write benchmarks/phantom_study.md")
    arguments = parser.parse_args()
    options = demo_study()
    studies, seconds = [], []
    for seed in range(1, arguments.seeds + 1):
        with tempfile.TemporaryDirectory() as folder:
            study, took = one_study(Path(folder), arguments.subjects, seed, options)
        studies.append(study)
        seconds.append(took)
    published = load("bai2018_table8").set_index("measure")
    pairs = [int(study["n1"].iloc[0]) for study in studies]
    lines = [
        f"SYNTHETIC DATA. {arguments.seeds} cohorts of {arguments.subjects} phantom participants, seeds 1 to "
        f"{arguments.seeds}; {min(pairs)} to {max(pairs)} matched pairs. Tables of a cohort took "
        f"{sum(seconds) / len(seconds):.1f} s of processor time to write.",
        "",
        "| outcome | planted | first seed (95 % interval) | mean of seeds (SD) | planted inside interval | "
        "normal weight, ours | Bai | obese, ours | Bai |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, planted in OBESITY_EFFECT.items():
        rows = pd.DataFrame([study.loc[name] for study in studies])
        inside = ((rows["ci_low"] <= planted) & (planted <= rows["ci_high"])).sum()
        first, paper = rows.iloc[0], published.loc[name]
        lines.append(
            f"| {name} | {planted:.0f} | {first['difference']:.1f} ({first['ci_low']:.1f} to "
            f"{first['ci_high']:.1f}) | {rows['difference'].mean():.2f} ({rows['difference'].std():.2f}) | "
            f"{inside} of {len(rows)} | {rows['mean0'].mean():.0f} ({rows['sd0'].mean():.0f}) | "
            f"{paper['mean_normal']} ({paper['sd_normal']}) | "
            f"{rows['mean1'].mean():.0f} ({rows['sd1'].mean():.0f}) | "
            f"{paper['mean_obese']} ({paper['sd_obese']}) |"
        )
    text = "\n".join(lines) + "\n"
    print(text)
    if arguments.write:
        Path(__file__).with_suffix(".md").write_text(f"# The planted effect, recovered\n\n{text}")


if __name__ == "__main__":
    main()
