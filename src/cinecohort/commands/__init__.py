"""The commands of the command line: one module a command, with add_arguments and run."""
