"""The one error a user can cause: a message that says what, where, what was expected and what to do."""


class UserError(Exception):
    """A mistake or a lack outside augexp. The command line prints the message, without a traceback, and exits with 2."""
