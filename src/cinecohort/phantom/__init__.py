"""A beating heart of known truth, imaged and written as a scanner would."""
