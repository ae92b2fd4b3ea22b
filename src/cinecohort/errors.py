"""Errors that are meant for people."""


class UserError(Exception):
    """Something in the user's input or configuration stops the work.

    The message is a whole sentence that names the subject or file, says what is wrong and what to
    do. The command line prints it without a traceback and exits with 1.
    """
