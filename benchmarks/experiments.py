"""The tables of the experiments that are done, as a page without images or subjects.

Tests the rows that are trained, makes the tables of them, and writes a page of the configuration's name
(``benchmarks/experiments.md``) with a figure for each table and the curves beside it. Rows that are still to
be trained are named. ::

    snakemake experiments --cores 2 --configfile config/experiments.yaml     # hours on two cores
    python benchmarks/experiments.py config/experiments.yaml
"""

import argparse
import platform
import shutil
import time
from pathlib import Path

import torch

from cinecohort.experiments.accuracy import evaluate_row, folder_of_tests
from cinecohort.experiments.options import ExperimentOptions, load_experiments
from cinecohort.experiments.rows import read_row, row_folder
from cinecohort.experiments.tables import make_curves, make_table, read_curves, tables_folder
from cinecohort.reporting.numbers import count, number
from cinecohort.segmentation.descriptions import describe_model
from cinecohort.segmentation.engines import ResolvedEngine, make_network
from cinecohort.segmentation.networks import build_network

HERE = Path(__file__).parent
INTRODUCTIONS = {
    "experiments": """# Networks and trainings compared

`python benchmarks/experiments.py config/experiments.yaml`: the tables of Chen 2020 (III, IV, V) and Bai 2018
(10) on ACDC (65 subjects, 5 of which make the curves; the 15 that are listed as held out are tested),
Sunnybrook and phantoms. Every row of a table was meant to take the same processor time (20 minutes, 4 for
fine-tuning, on {machine}), so that most came nowhere
near the length of their recipe: the tables say how near, and the curves whether a row had come to rest.""",
    "experiments_vendors": """# Trained on one vendor, tested on the others

`python benchmarks/experiments.py config/experiments_vendors.yaml`: Chen 2020, Table III, on ACDC (one
hospital, Siemens) and M&Ms (several hospitals, Siemens and Philips), all directions. Tested are the same
held-out hearts for every row (15 of ACDC, 8 of each vendor of M&Ms); one row learnt from all three sets.
Every row was meant to take the same processor time (10 minutes, on {machine}) with a small network, so that
the figures compare what is learnt from, and are below those of the shipped weights
(`segmentation_accuracy.md`).""",
}
READING = """\
Iterations are fixed beforehand from a short timing, so that the minutes that a row took differ: they are in
the first table. What a row reaches in minutes is no measure of what its recipe reaches in days. The papers'
networks see one slice at a time, ours also the slice above and the one below it, but where it is said.
Segmenting a slice is what the network alone takes, processor time by OpenVINO in fp32 for 128 x 128 pixels.
"""


def only_done(options: ExperimentOptions) -> ExperimentOptions:
    """The experiments without rows that are not trained, and without what would be empty for it."""
    done = [row for row in options.rows if (row_folder(options, row) / "row.json").is_file()]
    tables = {
        name: table.model_copy(update={"rows": [row for row in table.rows if row in done]})
        for name, table in options.tables.items()
    }
    return options.model_copy(
        update={
            "rows": {row: options.rows[row] for row in done},
            "tables": {name: table for name, table in tables.items() if len(table.rows) > 1},
            "panels": {},
        }
    )


def rows_table(options: ExperimentOptions) -> list[str]:
    """One line per row: its network, how long it was trained, and where its validation ended."""
    head = [
        "row",
        "network",
        "parameters",
        "slices seen",
        "segmenting a slice, ms",
        "s an iteration",
        "iterations",
        "of",
        "minutes",
        "validation Dice",
    ]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    curves = read_curves(options, list(options.rows))
    times: dict[tuple[str, int], float] = {}
    for row in options.rows:
        record = read_row(options, row)
        points = curves[curves["row"] == row]
        weights = build_network(record["architecture"], 4).parameters()
        inputs = 2 * describe_model(record["networks"][0]["weights"]).neighbours + 1
        kind = (record["architecture"], inputs)
        if kind not in times:
            times[kind] = milliseconds_per_slice(*kind)
        parameters = sum(weight.numel() for weight in weights if weight.requires_grad)
        cells = [
            options.title_of(row),
            record["architecture"],
            count(parameters),
            count(inputs),
            number(times[kind], 1),
            number(record.get("seconds_per_iteration"), 2),
            count(record["iterations"]),
            count(record.get("recipe_iterations")),
            number(record["minutes"], 1),
            number(points["mean_dice"].iloc[-1] if len(points) else None, 3),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def milliseconds_per_slice(architecture: str, inputs: int) -> float:
    """Processor time of a network for a slice of 128 x 128, in a batch of 16 by OpenVINO; least of 5."""
    network = make_network(
        build_network(architecture, 4, 0.0, inputs).eval(), ResolvedEngine("openvino", "fp32", "cpu"), 1
    )
    images = torch.rand(16, inputs, 128, 128)
    seconds = []
    for _ in range(6):
        began = time.process_time()
        network(images)
        seconds.append(time.process_time() - began)
    return 1000 * min(seconds[1:]) / len(images)


def needed_tests(options: ExperimentOptions) -> list[tuple[str, str]]:
    """Row and dataset of every test that a table or a panel shows."""
    tables, panels = options.tables.values(), options.panels.values()
    pairs = [(row, dataset) for table in tables for row in table.rows for dataset in table.datasets]
    return list(dict.fromkeys([*pairs, *((row, panel.dataset) for panel in panels for row in panel.rows)]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path, help=" or ".join(f"{name}.yaml" for name in INTRODUCTIONS))
    parser.add_argument("--machine", default=f"{platform.processor() or platform.machine()}")
    arguments = parser.parse_args()
    everything = load_experiments(arguments.config)
    out = HERE / f"{arguments.config.stem}.md"
    options = only_done(everything)
    for row, dataset in needed_tests(options):
        if not (folder_of_tests(options, row) / f"{dataset}.csv").is_file():
            evaluate_row(options, row, dataset)
    introduction = INTRODUCTIONS[arguments.config.stem].format(machine=arguments.machine)
    page = [introduction, READING, *rows_table(options), ""]
    waiting = [everything.title_of(row) for row in everything.rows if row not in options.rows]
    if waiting:
        page += [f"Not trained yet: {', '.join(waiting)}.", ""]
    make_curves(options)
    figures = ["curves"]
    for name in options.tables:
        make_table(options, name)
        text = (tables_folder(options) / f"{name}.md").read_text()
        page += [text.replace("# ", "## ", 1).rstrip(), "", f"![{name}]({out.stem}_{name}.svg)", ""]
        figures.append(name)
    page += ["## Curves", "", f"![curves]({out.stem}_curves.svg)"]
    for name in figures:
        figure = tables_folder(options) / f"{name}.svg"
        shutil.copyfile(figure, out.with_name(f"{out.stem}_{name}.svg"))
    out.write_text("\n".join(page) + "\n")
    print("\n".join(page))


if __name__ == "__main__":
    main()
