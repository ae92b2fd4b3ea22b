# Participants who withdrew: what the results keep of them is removed when a run starts.
#
# Reads:   the users' lists (`withdrawals` of a dataset)
# Writes:  results/index/withdrawals, an empty mark


rule withdraw:
    """A changed list of withdrawn participants is reason enough for a run, which removes them when it starts."""
    output:
        touch(f"{RESULTS}/index/withdrawals"),
    localrule: True
    params:
        lists=INDEX.withdrawals_digest(),
