# Overlap and distances between models and observers.
#
# Reads:   label maps of the store
# Writes:  results/evaluate/{shard}.tsv, a row a subject, and {shard}.findings.tsv; in the store evaluate.json


rule evaluate:
    input:
        index=f"{RESULTS}/index/{{shard}}.tsv",
        segmentation_quality=f"{RESULTS}/segmentation_quality/{{shard}}.tsv",
    output:
        table=f"{RESULTS}/evaluate/{{shard}}.tsv",
        findings=f"{RESULTS}/evaluate/{{shard}}.findings.tsv",
    log:
        f"{RESULTS}/logs/evaluate/{{shard}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/evaluate/{{shard}}.tsv"
    conda:
        "../envs/cinecohort.yaml"
    threads: 4
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        settings=settings_of("evaluate"),
    script:
        "../scripts/evaluate.py"
