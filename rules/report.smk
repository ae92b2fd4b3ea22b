# The study report as PDF.
#
# Reads:   every table and figure of the cohort
# Writes:  results/report.pdf


rule report:
    """The study report as PDF."""
    input:
        tables=cohort_tables(),
        run=f"{RESULTS}/run.json",
        agreement=f"{RESULTS}/agreement",
        studies=study_folders(),
    output:
        report(f"{RESULTS}/report.pdf", category="Report"),
    log:
        f"{RESULTS}/logs/report.log",
    benchmark:
        f"{RESULTS}/benchmarks/report.tsv"
    conda:
        "../envs/cinecohort.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    params:
        settings=settings_of("report"),
    script:
        "../scripts/report.py"
