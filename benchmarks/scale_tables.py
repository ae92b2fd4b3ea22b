"""The page of ``scale.py``: its measurements as tables, and what follows from them for 100,000 subjects."""

from typing import Any

COHORT = 100_000
SHARD_SIZE = 250
CORES = 320
GPUS = 8
K80_S = 9.5
"""Seconds per subject, short axis, 50 frames, on a Tesla K80: published by Bai 2018 for their network."""

Results = dict[str, dict[str, Any]]


def table(header: list[str], rows: list[list[str]]) -> list[str]:
    """Rows as a Markdown table."""
    lines = [f"| {' | '.join(cells)} |" for cells in (header, *rows)]
    return [lines[0], "|" + "---|" * len(header), *lines[1:], ""]


def cost(row: dict[str, Any]) -> list[str]:
    """Cells of seconds, processor seconds and peak memory."""
    return [f"{row['seconds']:.1f}", f"{row['processor s']:.1f}", f"{row['peak MB']:.0f}"]


COST = ["seconds", "processor s", "peak MB"]


def noop(part: dict[str, Any]) -> list[str]:
    """Nothing to do."""
    rows = [[f"{row['subjects']:,}", f"{row['shards']:,}", *cost(row)] for row in part["rows"]]
    return ["## Nothing to do", "", *table(["subjects", "shards", *COST], rows)]


def changed(part: dict[str, Any]) -> list[str]:
    """One subject changed."""
    alone, among = part["rows"]
    rows = [[f"{row['subjects']:,}", *cost(row)] for row in part["rows"]]
    more = among["processor s"] - alone["processor s"]
    return [
        "## One subject changed",
        "",
        *table(["subjects of the cohort", *COST], rows),
        "Each is a whole run to the report: the six stages of the subject's shard, then tables, agreement",
        "and report of everybody. (The network finds nothing in the benchmark's small hearts, so that",
        "agreement has little to compare.) The first row is the subject's own work, in a cohort of that",
        f"subject alone; among 5,000 it costs {more:.0f} processor seconds and",
        f"{among['seconds'] - alone['seconds']:.0f} s more.",
        "",
    ]


def overhead(part: dict[str, Any]) -> list[str]:
    """Shards against single subjects."""
    shards, single = part["rows"]
    rows = [
        [row["design"], f"{row['jobs']:,}", *cost(row), f"{row['processor s per subject and stage']:.3f}"]
        for row in part["rows"]
    ]
    times = single["processor s per subject and stage"] / shards["processor s per subject and stage"]
    wall = single["seconds"] / shards["seconds"]
    return [
        "## Overhead of jobs that find nothing to do, the same 200 subjects",
        "",
        *table(["design", "jobs", *COST, "processor s per subject and stage"], rows),
        f"A shard's overhead a subject is 1/{times:.0f} of the other design's (1/{wall:.0f} by the clock).",
        "",
    ]


def gather(part: dict[str, Any]) -> list[str]:
    """Tables of the whole cohort."""
    counts = ("subjects", "with contours", "rows of measures", "rows of overlap")
    rows = [[*(f"{row[name]:,}" for name in counts), *cost(row)] for row in part["rows"]]
    return ["## Gathering the cohort's tables", "", *table([*counts, *COST], rows)]


def throughput(part: dict[str, Any]) -> list[str]:
    """Subjects an hour by stage."""
    rows = []
    for row in part["rows"]:
        seconds = max(row["processor s per subject"], 0.01)
        rows.append(
            [
                row["stage"],
                f"{seconds:.2f}",
                f"{3600 / seconds:,.0f}",
                f"{row['idle']['processor s']:.1f}",
                f"{row['peak MB']:.0f}",
            ]
        )
    total = seconds_per_subject(part)
    rows.append(["all six", f"{total:.2f}", f"{3600 / total:,.0f}", "", ""])
    header = ["stage", "processor s per subject", "subjects per hour and core"]
    header += ["processor s of a job without work", "peak MB"]
    n, network = part["rows"][0]["subjects"], part.get("network", "the shipped network")
    return [
        f"## Subjects an hour, {n} phantoms of 50 frames with {network} on the CPU",
        "",
        *table(header, rows),
        f"Two cores: {2 * 3600 / total:,.0f} subjects an hour through all six stages.",
        "",
    ]


def seconds_per_subject(part: dict[str, Any], without: tuple[str, ...] = ()) -> float:
    """Processor seconds per subject of all stages but some."""
    return sum(row["processor s per subject"] for row in part["rows"] if row["stage"] not in without)


def projection(results: Results) -> list[str]:
    """What 100,000 subjects take on a cluster, from the measurements above and two assumptions."""
    part = results["throughput"]
    jobs = COHORT / SHARD_SIZE * len(part["rows"])
    idle = sum(row["idle"]["processor s"] for row in part["rows"]) * COHORT / SHARD_SIZE
    # Slurm starts Snakemake twice for a job.
    starting = 3.0 * jobs
    segment = next(row for row in part["rows"] if row["stage"] == "segment")["processor s per subject"]
    cpu = seconds_per_subject(part, ("segment",)) * COHORT / 3600
    on_cpu = segment * COHORT / 3600
    jobs_own = (idle + starting) / 3600
    gpu_like_two_cores = segment / 2 * COHORT / 3600
    gpu_published = K80_S * COHORT / 3600
    rows = [
        ["the five stages without a network", f"{cpu:,.0f} core-hours", "measured above"],
        ["segmentation on CPU cores", f"{on_cpu:,.0f} core-hours", "measured above"],
        [
            "or segmentation on GPUs",
            f"{gpu_like_two_cores:,.0f} GPU-hours",
            "assumed: a GPU no faster than two of these cores, file to file",
        ],
        ["", f"{gpu_published:,.0f} GPU-hours", f"published: {K80_S} s a subject on a Tesla K80 (Bai 2018)"],
        [
            f"the {jobs:,.0f} jobs themselves",
            f"{jobs_own:,.0f} core-hours",
            "jobs without work, measured above, and 3 processor s for the Snakemakes that Slurm starts",
        ],
    ]
    hours = (cpu + on_cpu + jobs_own) / CORES
    hours_gpu = max((cpu + jobs_own) / CORES, gpu_published / GPUS)
    lines = [
        f"## Projection: {COHORT:,} subjects, {SHARD_SIZE} a shard",
        "",
        "No GPU was measured. Cores are taken to be as fast as this machine's, and file systems not to be",
        "the limit.",
        "",
        *table(["what", "cost", "from"], rows),
        f"On {CORES} cores without a GPU {hours:.1f} hours; on {CORES} cores and {GPUS} GPUs of the",
        f"published speed {hours_gpu:.0f} hours,",
        f"of the assumed speed {max((cpu + jobs_own) / CORES, gpu_like_two_cores / GPUS):.0f} hours.",
    ]
    if "gather" in results:
        row = results["gather"]["rows"][0]
        lines.append(
            f"The cohort's tables take {row['seconds']:.0f} s and {row['peak MB'] / 1024:.1f} GB on top."
        )
    return [*lines, ""]


def report(part: dict[str, Any]) -> list[str]:
    """Agreement, study and report of 5,000 subjects."""
    rows = [[row["what"], *cost(row)] for row in part["rows"]]
    return [
        "## Agreement, study and report of 5,000 subjects",
        "",
        *table(["what", *COST], rows),
        "Made-up tables: two networks and two observers with every measure and overlap of every subject. The",
        f"report holds all figures; its PDF takes {part['rows'][-1]['PDF MB']:.1f} MB.",
        "",
    ]


PARTS = {
    "noop": noop,
    "changed": changed,
    "overhead": overhead,
    "gather": gather,
    "report": report,
    "throughput": throughput,
}


def page(results: Results) -> str:
    """The whole page, of the parts that were measured."""
    lines = [
        "# Scale",
        "",
        "`python benchmarks/scale.py --write`; what each part does stands at the top of that file.",
        "Other work ran on the machine meanwhile, so processor seconds (of all processes) say more than the",
        "clock's.",
        "",
    ]
    for name, tell in PARTS.items():
        if name in results:
            part = results[name]
            lines += tell(part)
            lines += [
                f"{part['machine']}; load average {part['load'][0]} before, {part['load'][1]} after.",
                "",
            ]
    if "throughput" in results:
        lines += projection(results)
    return "\n".join(lines).rstrip() + "\n"
