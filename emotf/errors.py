"""The one error that a user can mend."""


class UserError(Exception):
    """Something outside the code is wrong, and one line says what was found, what was expected and what to do.

    Tools print the line and end with exit code 1. Anything else that escapes a tool is a bug and keeps its traceback.
    """
