"""The one error that a user can mend."""

# Characters of a line; of a longer one, the begin and the end are kept: what was found, and what to do.
LONGEST = 480
BEGIN, END = 300, 170


class UserError(Exception):
    """Something outside the code is wrong, and one line says what was found, what was expected and what to do.

    Tools print the line and end with exit code 1. Anything else that escapes a tool is a bug and keeps its traceback.
    What a message quotes of a file may be anything: what cannot be printed, ends of lines among it, is written as
    Python writes it, and what is too long is left out in the middle.

    Example:
        >>> print(UserError("t.csv has no column 'time'; it has: a\\nb."))
        t.csv has no column 'time'; it has: a\\nb.
    """

    def __init__(self, line: str) -> None:
        plain = "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in line)
        super().__init__(plain if len(plain) <= LONGEST else f"{plain[:BEGIN]} [...] {plain[-END:]}")
