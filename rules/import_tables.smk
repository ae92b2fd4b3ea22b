# From tables of measures that were made elsewhere to the cohort's tables.
#
# Reads:   the users' CSV or TSV files (`source: tables`)
# Writes:  results/cohort/*.tsv, results/cohort/datapackage.json


rule import_tables:
    """From tables of measures that were made elsewhere to the cohort's tables."""
    input:
        tables=measure_tables(),
        participants=participant_tables(),
    output:
        cohort_tables(),
        f"{RESULTS}/cohort/datapackage.json",
    log:
        f"{RESULTS}/logs/import_tables.log",
    benchmark:
        f"{RESULTS}/benchmarks/import_tables.tsv"
    conda:
        "../envs/cinecohort.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    params:
        settings=settings_of("import_tables"),
    script:
        "../scripts/import_tables.py"
