# Agreement of models and observers: differences, Bland-Altman, correlation, reliability, overlap.
#
# Reads:   results/cohort/{measures,overlap,participants,status,conversion}.tsv, what reviewers and analysts said
# Writes:  results/agreement/


rule agreement:
    """Agreement of models and observers: differences, Bland-Altman, correlation, reliability, overlap."""
    input:
        measures=f"{RESULTS}/cohort/measures.tsv",
        overlap=f"{RESULTS}/cohort/overlap.tsv",
        participants=f"{RESULTS}/cohort/participants.tsv",
        status=f"{RESULTS}/cohort/status.tsv",
        conversion=f"{RESULTS}/cohort/conversion.tsv",
        verdicts=[path.as_posix() for path in CONFIG.review.verdicts],
        assessments=[path.as_posix() for path in CONFIG.review.assessments],
        key=blinded_key(),
    output:
        directory(f"{RESULTS}/agreement"),
    log:
        f"{RESULTS}/logs/agreement.log",
    benchmark:
        f"{RESULTS}/benchmarks/agreement.tsv"
    conda:
        "../envs/cinecohort.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        settings=settings_of("agreement"),
    script:
        "../scripts/agreement.py"
