# The blinded assessment: automatic and manual contours side by side, without names (Bai 2018, Table 4).
#
# Reads:   results/cohort/{status,measures}.tsv, the store
# Writes:  results/review/blinded.html with its pictures in results/review/blinded/, and results/blinded_key.tsv


rule blinded:
    """The blinded assessment: its page, its pictures, and the key that stays away from them."""
    input:
        measures=f"{RESULTS}/cohort/measures.tsv",
        status=f"{RESULTS}/cohort/status.tsv",
    output:
        page=f"{RESULTS}/review/blinded.html",
        key=f"{RESULTS}/blinded_key.tsv",
    log:
        f"{RESULTS}/logs/blinded.log",
    benchmark:
        f"{RESULTS}/benchmarks/blinded.tsv"
    conda:
        "../envs/cinecohort.yaml"
    threads: 8
    resources:
        mem_mb=growing(8000),
        runtime=growing(120),
    params:
        settings=settings_of("blinded"),
    script:
        "../scripts/blinded.py"
