# Overlap and distances between models and observers.
#
# Reads:   label maps of the store
# Writes:  results/evaluate/{shard}.tsv, one row per subject, and {shard}.findings.tsv; in the store evaluate.json


use rule convert as evaluate with:
    """Overlap and distances between models and observers, for one shard of subjects."""
    input:
        segmentation_quality=f"{RESULTS}/segmentation_quality/{{shard}}.tsv",
    output:
        table=f"{RESULTS}/evaluate/{{shard}}.tsv",
        findings=f"{RESULTS}/evaluate/{{shard}}.findings.tsv",
    log:
        f"{RESULTS}/logs/evaluate/{{shard}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/evaluate/{{shard}}.tsv"
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        settings=settings_of("evaluate"),
