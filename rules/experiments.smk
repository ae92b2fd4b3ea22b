# The papers' comparisons of networks and trainings: a workflow of its own, with a configuration of its own.
#
# Reads:   labelled datasets
# Writes:  {results}/datasets, rows (networks), tests, segmentations, tables (and curves), panels


include: "experiments_common.smk"


rule experiments:
    """The papers' comparisons of networks: every table, the curves and every panel."""
    default_target: True
    input:
        expand(f"{RESULTS}/tables/{{name}}.csv", name=[*OPTIONS.tables, "curves"]),
        expand(f"{RESULTS}/panels/{{name}}.png", name=OPTIONS.panels),
    localrule: True


rule experiment_dataset:
    """Bring the labelled subjects of a dataset into shape."""
    output:
        f"{RESULTS}/datasets/{{name}}/subjects.csv",
    log:
        f"{RESULTS}/logs/datasets/{{name}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/datasets/{{name}}.tsv"
    conda:
        "../envs/cinecohort.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(240),
    params:
        kind="datasets",
        settings=step_settings("datasets"),
    script:
        "../scripts/experiments.py"


# What a killed row left (checkpoint, plan) is no output, so that Snakemake leaves it and the row goes on.
use rule experiment_dataset as experiment_row with:
    """Train a row."""
    input:
        inputs_of_row,
    output:
        f"{RESULTS}/rows/{{name}}/row.json",
    log:
        f"{RESULTS}/logs/rows/{{name}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/rows/{{name}}.tsv"
    threads: OPTIONS.threads
    resources:
        mem_mb=growing(12000),
        runtime=growing(1440),
    params:
        kind="rows",
        settings=step_settings("rows"),


use rule experiment_dataset as experiment_test with:
    """Test a row on a dataset."""
    input:
        f"{RESULTS}/rows/{{name}}/row.json",
        f"{RESULTS}/datasets/{{dataset}}/subjects.csv",
    output:
        overlap=f"{RESULTS}/tests/{{name}}/{{dataset}}.csv",
        subjects=f"{RESULTS}/tests/{{name}}/{{dataset}}.subjects.csv",
        record=f"{RESULTS}/tests/{{name}}/{{dataset}}.json",
        segmentations=directory(f"{RESULTS}/segmentations/{{dataset}}/{{name}}"),
    log:
        f"{RESULTS}/logs/tests/{{name}}.{{dataset}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/tests/{{name}}.{{dataset}}.tsv"
    threads: OPTIONS.threads
    resources:
        mem_mb=growing(6000),
        runtime=growing(240),
    params:
        kind="tests",
        settings=step_settings("tests"),


use rule experiment_dataset as experiment_table with:
    """Make a table of tests."""
    input:
        tests_of_table,
    output:
        table=f"{RESULTS}/tables/{{name}}.csv",
        text=f"{RESULTS}/tables/{{name}}.md",
        figure=f"{RESULTS}/tables/{{name}}.svg",
    log:
        f"{RESULTS}/logs/tables/{{name}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/tables/{{name}}.tsv"
    wildcard_constraints:
        name=r"(?!curves\.)[A-Za-z]\w*",
    params:
        kind="tables",
        settings=step_settings("tables"),


use rule experiment_dataset as experiment_curves with:
    """Draw the validation curves of all rows."""
    input:
        expand(f"{RESULTS}/rows/{{row}}/row.json", row=OPTIONS.rows),
    output:
        table=f"{RESULTS}/tables/curves.csv",
        figure=f"{RESULTS}/tables/curves.svg",
    log:
        f"{RESULTS}/logs/curves.log",
    benchmark:
        f"{RESULTS}/benchmarks/curves.tsv"
    params:
        kind="curves",
        settings=step_settings("curves"),


use rule experiment_dataset as experiment_panel with:
    """Draw the same slices with the contours of several rows."""
    input:
        tests_of_panel,
    output:
        picture=f"{RESULTS}/panels/{{name}}.png",
        table=f"{RESULTS}/panels/{{name}}.csv",
    log:
        f"{RESULTS}/logs/panels/{{name}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/panels/{{name}}.tsv"
    params:
        kind="panels",
        settings=step_settings("panels"),
