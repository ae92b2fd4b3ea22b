# Check geometry, timing and signal of the images.
#
# Reads:   images of the store
# Writes:  results/image_quality/{shard}.tsv, one row per subject, and {shard}.findings.tsv; in the store image_quality.json


use rule convert as image_quality with:
    """Check geometry, timing and signal of the images, for one shard of subjects."""
    input:
        convert=f"{RESULTS}/convert/{{shard}}.tsv",
    output:
        table=f"{RESULTS}/image_quality/{{shard}}.tsv",
        findings=f"{RESULTS}/image_quality/{{shard}}.findings.tsv",
    log:
        f"{RESULTS}/logs/image_quality/{{shard}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/image_quality/{{shard}}.tsv"
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        settings=settings_of("image_quality"),
