# The review room: pictures, curves, measures and findings of the subjects that a person should look at.
#
# Reads:   results/cohort/{status,findings,measures,voided,participants,reference_ranges}.tsv, the store
# Writes:  results/review/index.html, and results/review/subjects/{subject}/ for each subject that is shown


rule review:
    """The review room: one page, and a folder for each subject that is shown."""
    input:
        tables=cohort_tables(),
    output:
        f"{RESULTS}/review/index.html",
    log:
        f"{RESULTS}/logs/review.log",
    benchmark:
        f"{RESULTS}/benchmarks/review.tsv"
    conda:
        "../envs/cinecohort.yaml"
    threads: 8
    resources:
        mem_mb=growing(8000),
        runtime=growing(240),
    params:
        settings=settings_of("review"),
    script:
        "../scripts/review.py"
