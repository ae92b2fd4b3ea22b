# From raw files to images, sidecars and human label maps. The other stages by subject share what this rule says.
#
# Reads:   the index of a shard (and, for subjects that changed, their raw files)
# Writes:  results/convert/{shard}.tsv, one row per subject, and {shard}.findings.tsv; in the store convert.json


rule convert:
    """From raw files to images, sidecars and human label maps, for one shard of subjects."""
    output:
        table=f"{RESULTS}/convert/{{shard}}.tsv",
        findings=f"{RESULTS}/convert/{{shard}}.findings.tsv",
    log:
        f"{RESULTS}/logs/convert/{{shard}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/convert/{{shard}}.tsv"
    conda:
        "../envs/cinecohort.yaml"
    threads: 4
    resources:
        mem_mb=growing(2000),
        runtime=growing(120),
    params:
        index=index_of,
        settings=settings_of("convert"),
    script:
        "../scripts/stage.py"
