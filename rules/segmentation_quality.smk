# Check label maps for implausible anatomy and motion.
#
# Reads:   label maps of the store, and those that people corrected (`review.corrections`)
# Writes:  results/segmentation_quality/{shard}.tsv, one row per subject, and {shard}.findings.tsv; in the store segmentation_quality.json
#          and corrected_{view}.nii.gz


use rule convert as segmentation_quality with:
    """Check label maps for implausible anatomy and motion, for one shard of subjects."""
    input:
        segment=f"{RESULTS}/segment/{{shard}}.tsv",
    output:
        table=f"{RESULTS}/segmentation_quality/{{shard}}.tsv",
        findings=f"{RESULTS}/segmentation_quality/{{shard}}.findings.tsv",
    log:
        f"{RESULTS}/logs/segmentation_quality/{{shard}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/segmentation_quality/{{shard}}.tsv"
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        settings=segmentation_quality_settings,
