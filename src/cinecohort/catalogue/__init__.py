"""What the rooms share: measures, finding codes, covariates, views. It imports nothing above it."""
