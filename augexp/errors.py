"""The one error a user can cause: a message that says what, where, what was expected and what to do."""


class UserError(Exception):
    """A mistake or a lack outside augexp. The command line prints it and exits with 2."""
