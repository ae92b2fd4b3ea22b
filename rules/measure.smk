# Clinical measures of every model and observer.
#
# Reads:   label maps of the store
# Writes:  results/measure/{shard}.tsv, one row per subject, and {shard}.findings.tsv; in the store measure.json


use rule convert as measure with:
    """Clinical measures of every model and observer, for one shard of subjects."""
    input:
        segmentation_quality=f"{RESULTS}/segmentation_quality/{{shard}}.tsv",
    output:
        table=f"{RESULTS}/measure/{{shard}}.tsv",
        findings=f"{RESULTS}/measure/{{shard}}.findings.tsv",
    log:
        f"{RESULTS}/logs/measure/{{shard}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/measure/{{shard}}.tsv"
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        settings=measure_settings,
