# Clinical measures of every model and observer.
#
# Reads:   label maps of the store
# Writes:  results/measure/{shard}.tsv, a row a subject, and {shard}.findings.tsv; in the store measure.json


rule measure:
    input:
        index=f"{RESULTS}/index/{{shard}}.tsv",
        segmentation_quality=f"{RESULTS}/segmentation_quality/{{shard}}.tsv",
    output:
        table=f"{RESULTS}/measure/{{shard}}.tsv",
        findings=f"{RESULTS}/measure/{{shard}}.findings.tsv",
    log:
        f"{RESULTS}/logs/measure/{{shard}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/measure/{{shard}}.tsv"
    conda:
        "../envs/cinecohort.yaml"
    threads: 4
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        settings=settings_of("measure"),
    script:
        "../scripts/measure.py"
