# From raw files to images, sidecars and human label maps.
#
# Reads:   the index of a shard (and, for subjects that changed, their raw files)
# Writes:  results/convert/{shard}.tsv, a row a subject, and {shard}.findings.tsv; in the store convert.json


rule convert:
    input:
        index=f"{RESULTS}/index/{{shard}}.tsv",
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
        settings=settings_of("convert"),
    script:
        "../scripts/convert.py"
