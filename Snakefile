"""CineCohort: cohort-scale cardiac MR phenotyping, from cine DICOM to the printed study.

    snakemake --cores 2                                       the phantom demo
    snakemake --cores 2 --configfile config/sunnybrook.yaml   another cohort
    snakemake --profile slurm --configfile ...                on a cluster
    snakemake experiments --cores 2 --configfile config/experiments.yaml
                                                              networks compared, as in the papers

See config/README.md for every setting.
"""

import sys

from snakemake.utils import min_version

min_version("9.19")

# The package of this checkout, whatever is installed beside it; as in scripts/checkout.py.
sys.path.insert(0, f"{workflow.basedir}/src")


include: "rules/common.smk"


# Experiments have a configuration, and rules, of their own.
if "experiments" in config:

    include: "rules/experiments.smk"

else:

    include: "rules/cohort_common.smk"

    if CONFIG.from_tables:

        include: "rules/import_tables.smk"

    else:

        include: "rules/withdraw.smk"
        include: "rules/convert.smk"
        include: "rules/image_quality.smk"
        include: "rules/segment.smk"
        include: "rules/segmentation_quality.smk"
        include: "rules/measure.smk"
        include: "rules/evaluate.smk"
        include: "rules/gather.smk"
        include: "rules/review.smk"
        include: "rules/blinded.smk"
        include: "rules/subject_pages.smk"
    include: "rules/run_record.smk"
    include: "rules/agreement.smk"
    include: "rules/group_study.smk"
    include: "rules/report_common.smk"
    include: "rules/report.smk"

    # Every shard table of every stage is a target of its own: after a failed job Snakemake ignores missing
    # intermediate files, and would call stale results up to date.
    rule phenotypes:
        """Images, label maps and measures of every subject, without statistics and report."""
        input:
            shard_tables(BY_SUBJECT),
            cohort_tables(),
            withdrawals(),
        localrule: True

    rule all:
        """Everything: images, label maps, measures, statistics and the report (the default)."""
        default_target: True
        input:
            rules.phenotypes.input,
            f"{RESULTS}/report.pdf",
            f"{RESULTS}/run.json",
            f"{RESULTS}/agreement",
            study_folders(),
            review_room(),
            blinded_page(),
            subject_pages(),
        localrule: True
