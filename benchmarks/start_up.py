"""How long a job of the segmentation takes until its first subject, by engine.

Each engine gets a fresh process, as each job of a shard does: it imports what the stage needs, loads the
default short-axis network and runs it once. Processor time with one thread, which on a quiet core is the
wait, and which other work beside it hardly changes. Snakemake's own start comes before. Writes
``benchmarks/start_up.md``::

    python benchmarks/start_up.py [--repeats 3]
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from cinecohort.segmentation.descriptions import DEFAULT_MODELS

HERE = Path(__file__).parent
STEPS = ("import of the stage", "import of the network's engine", "loading and conversion", "first images")
CODE = """
from time import process_time
times = [process_time()]
import cinecohort.cohort.stages, cinecohort.cohort.stage_builders
times.append(process_time())
import torch
from cinecohort.segmentation.options import ModelOptions, SegmentationOptions
from cinecohort.segmentation.prediction import load
times.append(process_time())
options = SegmentationOptions(engine={engine!r}, device="cpu")
model = load(ModelOptions(name={model!r}), options, "sa", 1)
times.append(process_time())
model.network(torch.zeros(1, 2 * model.description.neighbours + 1, 64, 64))
times.append(process_time())
print(*times)
"""


def seconds_by_step(engine: str, model: str) -> list[float]:
    """Processor seconds of the start of Python and of each step, in a fresh process."""
    code = CODE.format(engine=engine, model=model)
    one_thread = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=one_thread)
    times = [float(word) for word in done.stdout.split()[-len(STEPS) - 1 :]]
    return [after - before for before, after in zip([0.0, *times], times, strict=False)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3, help="the shortest counts")
    parser.add_argument("--model", default=DEFAULT_MODELS["sa"])
    arguments = parser.parse_args()
    rows = []
    for engine in ("openvino", "mnn", "torch"):
        runs = [seconds_by_step(engine, arguments.model) for _ in range(arguments.repeats)]
        least = min(runs, key=sum)
        rows.append([engine, *(f"{seconds:.2f}" for seconds in [*least[1:], sum(least)])])
    table = [["engine", *STEPS, "all, with Python's own start"], ["---"] * (len(STEPS) + 2), *rows]
    lines = [
        "# Start of a segmentation job",
        "",
        "`python benchmarks/start_up.py`: processor seconds of one thread until the first subject,",
        f"{arguments.model}, the least of {arguments.repeats} fresh processes. Snakemake's own start comes",
        "before.",
        "",
        *(f"| {' | '.join(row)} |" for row in table),
        "",
    ]
    (HERE / "start_up.md").write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
