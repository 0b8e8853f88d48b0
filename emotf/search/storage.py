"""Where a study is: a file of SQLite, a database that several machines reach, or a journal file in a shared folder."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from emotf.errors import UserError
from emotf.progress import say

if TYPE_CHECKING:
    from optuna.storages import BaseStorage


def open_storage(place: str) -> "BaseStorage":
    """Opens the storage, and makes it where there is none yet.

    Args:
        place: a URL of SQLAlchemy, `sqlite:///study.db` or `mysql://...`; or the path of a journal file.

    Raises:
        UserError: it cannot be opened.
    """
    from optuna.storages import JournalStorage, RDBStorage
    from optuna.storages.journal import JournalFileBackend
    from sqlalchemy.exc import SQLAlchemyError

    _quiet()
    try:
        if "://" not in place:
            Path(place).parent.mkdir(parents=True, exist_ok=True)
            return JournalStorage(JournalFileBackend(place))
        if not place.startswith("sqlite"):
            return RDBStorage(place)
        Path(place.partition("///")[2]).parent.mkdir(parents=True, exist_ok=True)
        # one process writes at a time; the others wait
        return RDBStorage(place, engine_kwargs={"connect_args": {"timeout": 60}})
    except (SQLAlchemyError, ImportError, OSError, RuntimeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"The storage {shown(place)} cannot be opened ({reason}); --storage takes a URL of SQLAlchemy, "
                        "sqlite:///<file>, or the path of a journal file.") from None  # fmt: skip


def shown(place: str) -> str:
    """The place without a password in it.

    Example:
        >>> shown("mysql+pymysql://me:secret@host/db"), shown("work/journal.log")
        ('mysql+pymysql://me:***@host/db', 'work/journal.log')
    """
    if "://" not in place:
        return place
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(place).render_as_string(hide_password=True)
    except ArgumentError:
        return place


class _Said(logging.Handler):
    """What a package logs, said as everything else is."""

    def emit(self, record: logging.LogRecord) -> None:
        say(record.getMessage())


def _quiet() -> None:
    """Lets Optuna say what is wrong, in our way, and nothing else."""
    from optuna import logging as log

    log.disable_default_handler()
    log.set_verbosity(log.WARNING)
    logger = logging.getLogger("optuna")
    if not any(isinstance(handler, _Said) for handler in logger.handlers):
        logger.addHandler(_Said())
