# A matched group study: flow, matching, balance, effects, sensitivity.
#
# Reads:   results/cohort/{measures,participants,status}.tsv
# Writes:  results/study/{study}/


rule group_study:
    """A matched group study: flow, matching, balance, effects, sensitivity."""
    input:
        measures=f"{RESULTS}/cohort/measures.tsv",
        participants=f"{RESULTS}/cohort/participants.tsv",
        status=f"{RESULTS}/cohort/status.tsv",
    output:
        directory(f"{RESULTS}/study/{{study}}"),
    log:
        f"{RESULTS}/logs/group_study/{{study}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/group_study/{{study}}.tsv"
    conda:
        "../envs/cinecohort.yaml"
    resources:
        mem_mb=growing(8000),
        runtime=growing(120),
    params:
        settings=lambda wildcards: settings_of("group_study", wildcards.study),
    script:
        "../scripts/group_study.py"
