# Check geometry, timing and signal of the images.
#
# Reads:   images of the store
# Writes:  results/image_quality/{shard}.tsv, a row a subject, and {shard}.findings.tsv; in the store image_quality.json


rule image_quality:
    input:
        index=f"{RESULTS}/index/{{shard}}.tsv",
        convert=f"{RESULTS}/convert/{{shard}}.tsv",
    output:
        table=f"{RESULTS}/image_quality/{{shard}}.tsv",
        findings=f"{RESULTS}/image_quality/{{shard}}.findings.tsv",
    log:
        f"{RESULTS}/logs/image_quality/{{shard}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/image_quality/{{shard}}.tsv"
    conda:
        "../envs/cinecohort.yaml"
    threads: 4
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        settings=settings_of("image_quality"),
    script:
        "../scripts/image_quality.py"
