# The papers' comparisons of networks and trainings: a workflow of its own, with a configuration of its own.
#
# Reads:   labelled datasets
# Writes:  {results}/datasets, rows (networks), tests, segmentations, tables (and curves), panels


include: "experiments_common.smk"


rule experiments:
    default_target: True
    input:
        expand(f"{RESULTS}/tables/{{name}}.csv", name=[*OPTIONS.tables, "curves"]),
        expand(f"{RESULTS}/panels/{{name}}.png", name=OPTIONS.panels),
    localrule: True


rule experiment_dataset:
    output:
        f"{RESULTS}/datasets/{{name}}/subjects.csv",
    log:
        f"{RESULTS}/logs/datasets/{{name}}.log",
    conda:
        "../envs/cinecohort.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 240 * attempt,
    params:
        kind="datasets",
        settings=step_settings("datasets"),
    script:
        "../scripts/experiments.py"


# What a killed row left (checkpoint, plan) is no output, so that Snakemake leaves it and the row goes on.
rule experiment_row:
    input:
        inputs_of_row,
    output:
        f"{RESULTS}/rows/{{name}}/row.json",
    log:
        f"{RESULTS}/logs/rows/{{name}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/rows/{{name}}.tsv"
    conda:
        "../envs/cinecohort.yaml"
    threads: OPTIONS.threads
    resources:
        mem_mb=lambda wildcards, attempt: 12000 * attempt,
        runtime=lambda wildcards, attempt: 1440 * attempt,
    params:
        kind="rows",
        settings=step_settings("rows"),
    script:
        "../scripts/experiments.py"


rule experiment_test:
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
    conda:
        "../envs/cinecohort.yaml"
    threads: OPTIONS.threads
    resources:
        mem_mb=lambda wildcards, attempt: 6000 * attempt,
        runtime=lambda wildcards, attempt: 240 * attempt,
    params:
        kind="tests",
        settings=step_settings("tests"),
    script:
        "../scripts/experiments.py"


rule experiment_table:
    input:
        tests_of_table,
    output:
        table=f"{RESULTS}/tables/{{name}}.csv",
        text=f"{RESULTS}/tables/{{name}}.md",
        figure=f"{RESULTS}/tables/{{name}}.svg",
    log:
        f"{RESULTS}/logs/tables/{{name}}.log",
    wildcard_constraints:
        name=r"(?!curves\.)[A-Za-z]\w*",
    conda:
        "../envs/cinecohort.yaml"
    params:
        kind="tables",
        settings=step_settings("tables"),
    script:
        "../scripts/experiments.py"


rule experiment_curves:
    input:
        expand(f"{RESULTS}/rows/{{row}}/row.json", row=OPTIONS.rows),
    output:
        table=f"{RESULTS}/tables/curves.csv",
        figure=f"{RESULTS}/tables/curves.svg",
    log:
        f"{RESULTS}/logs/curves.log",
    conda:
        "../envs/cinecohort.yaml"
    params:
        kind="curves",
        settings=step_settings("curves"),
    script:
        "../scripts/experiments.py"


rule experiment_panel:
    input:
        tests_of_panel,
    output:
        picture=f"{RESULTS}/panels/{{name}}.png",
        table=f"{RESULTS}/panels/{{name}}.csv",
    log:
        f"{RESULTS}/logs/panels/{{name}}.log",
    conda:
        "../envs/cinecohort.yaml"
    params:
        kind="panels",
        settings=step_settings("panels"),
    script:
        "../scripts/experiments.py"
