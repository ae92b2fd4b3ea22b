# Segment every view that has a network; on a cluster, the stage for the GPU.
#
# Reads:   images of the store
# Writes:  results/segment/{shard}.tsv, one row per subject, and {shard}.findings.tsv; in the store segment.json and
#          label maps with their sidecars (seg_{view}.nii.gz of the first model, seg_{model}_{view}.nii.gz)


use rule convert as segment with:
    """Segment every view that has a network, for one shard of subjects; on a cluster, the stage for the GPU."""
    input:
        image_quality=f"{RESULTS}/image_quality/{{shard}}.tsv",
    output:
        table=f"{RESULTS}/segment/{{shard}}.tsv",
        findings=f"{RESULTS}/segment/{{shard}}.findings.tsv",
    log:
        f"{RESULTS}/logs/segment/{{shard}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/segment/{{shard}}.tsv"
    threads: 8
    resources:
        mem_mb=growing(8000),
        runtime=growing(240),
    params:
        settings=settings_of("segment"),
