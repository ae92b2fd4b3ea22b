"""The commands of the command line: one module per command, with add_arguments and run."""
