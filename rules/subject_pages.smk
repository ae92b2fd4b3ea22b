# One page per subject: measures, volume curves, all slices with contours, findings.
#
# Reads:   results/cohort/{status,findings,measures,voided,participants,reference_ranges}.tsv, the store
# Writes:  results/pages/{subject}.pdf, and results/pages/pages.tsv, which lists them


rule subject_pages:
    """One page per subject, as PDF."""
    input:
        tables=cohort_tables(),
    output:
        f"{RESULTS}/pages/pages.tsv",
    log:
        f"{RESULTS}/logs/subject_pages.log",
    benchmark:
        f"{RESULTS}/benchmarks/subject_pages.tsv"
    conda:
        "../envs/cinecohort.yaml"
    threads: 8
    resources:
        mem_mb=growing(8000),
        runtime=growing(240),
    params:
        settings=settings_of("subject_pages"),
    script:
        "../scripts/subject_pages.py"
