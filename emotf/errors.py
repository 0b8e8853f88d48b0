"""What a user can mend: the one error that says so, and what the machine refuses."""

import errno
import os
import re

# What is neither a bug nor a matter of what was asked for, and what to do about it.
AGAIN = "then run the same command again: what is whole stays"
REFUSALS = {
    errno.ENOSPC: f"make room, {AGAIN}",
    errno.EDQUOT: f"make room, {AGAIN}",
    errno.EFBIG: f"allow larger files (ulimit -f), {AGAIN}",
    errno.EROFS: "make it writable, or choose another folder",
    errno.EACCES: "give yourself the right to, or choose another folder",
    errno.EPERM: "give yourself the right to, or choose another folder",
    errno.EIO: f"look after the disk, {AGAIN}",
}

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


def refusal(error: BaseException) -> str:
    """The line for what the machine refuses: a full disk, a file that must not be written. Empty for other errors.

    TensorFlow has classes of its own for the same, which hold the words of the operating system.

    Example:
        >>> refusal(OSError(28, "No space left on device", "trace.csv"))
        'trace.csv: No space left on device; make room, then run the same command again: what is whole stays.'
        >>> refusal(ValueError("No space left on device"))
        ''
    """
    of_tensorflow = type(error).__module__.startswith("tensorflow.")
    if not of_tensorflow and not isinstance(error, OSError):
        return ""
    first = next(iter(str(error).splitlines()), "")
    for number, advice in REFUSALS.items():
        words = os.strerror(number)
        if of_tensorflow and words in first:
            named = re.search(rf"(\S+); {words}", first)
            return f"{named[1] if named else 'A file'}: {words}; {advice}."
        if isinstance(error, OSError) and (error.errno == number or words in first):
            return f"{error.filename or 'A file'}: {words}; {advice}."
    return ""
