# Versions, configuration and engines of this run, for the methods text.
#
# Reads:   the segmentation's shard tables
# Writes:  results/run.json


rule run_record:
    """Versions, configuration and engines of this run, for the methods text."""
    input:
        segment=[f"{RESULTS}/segment/{shard}.tsv" for shard in SHARDS],
    output:
        f"{RESULTS}/run.json",
    log:
        f"{RESULTS}/logs/run_record.log",
    benchmark:
        f"{RESULTS}/benchmarks/run_record.tsv"
    conda:
        "../envs/cinecohort.yaml"
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        settings=settings_of("run_record"),
    script:
        "../scripts/run_record.py"
