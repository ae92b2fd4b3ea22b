# From the shards' tables to the cohort's.
#
# Reads:   every shard table, the index, the tables of participants
# Writes:  results/cohort/*.tsv, results/cohort/datapackage.json


rule gather:
    """From the shards' tables to the cohort's."""
    input:
        tables=shard_tables(STAGES),
        participants=participant_tables(),
        verdicts=[path.as_posix() for path in CONFIG.review.verdicts],
    output:
        cohort_tables(),
        f"{RESULTS}/cohort/datapackage.json",
    log:
        f"{RESULTS}/logs/gather.log",
    benchmark:
        f"{RESULTS}/benchmarks/gather.tsv"
    conda:
        "../envs/cinecohort.yaml"
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    params:
        settings=settings_of("gather"),
        shards=SHARDS,
    script:
        "../scripts/gather.py"
