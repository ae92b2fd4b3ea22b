# Check label maps for implausible anatomy and motion.
#
# Reads:   label maps of the store
# Writes:  results/segmentation_quality/{shard}.tsv, a row a subject, and {shard}.findings.tsv; in the store segmentation_quality.json


rule segmentation_quality:
    input:
        index=f"{RESULTS}/index/{{shard}}.tsv",
        segment=f"{RESULTS}/segment/{{shard}}.tsv",
    output:
        table=f"{RESULTS}/segmentation_quality/{{shard}}.tsv",
        findings=f"{RESULTS}/segmentation_quality/{{shard}}.findings.tsv",
    log:
        f"{RESULTS}/logs/segmentation_quality/{{shard}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/segmentation_quality/{{shard}}.tsv"
    conda:
        "../envs/cinecohort.yaml"
    threads: 4
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        settings=settings_of("segmentation_quality"),
    script:
        "../scripts/segmentation_quality.py"
