"""How every tool starts and ends: flags, errors of one line, exit codes."""

import atexit
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

from absl import app, flags, logging
from ml_collections import config_flags

from emotf import places
from emotf.determinism import one_thread
from emotf.errors import UserError, refusal


def run(main: Callable[[Sequence[str]], None], words: bool = False) -> None:
    """Runs a tool. A UserError prints its line and ends with exit code 1, and so does what the machine refuses (a full
    disk, a folder that is read-only); a bug keeps its traceback.

    Args:
        main: takes the name of the tool and, with `words`, what stands on the command line without dashes.
        words: whether there may be any.
    """
    # TensorFlow's notes at start hide what a tool has to say, and its errors come as exceptions too; 0 shows them
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

    def guarded(argv: Sequence[str]) -> None:
        if flags.FLAGS["verbosity"].using_default_value:
            logging.set_verbosity(logging.WARNING)
        if len(argv) > 1 and not words:
            _leave(f"unexpected argument {argv[1]!r}; flags begin with two dashes (--help lists them).")
        try:
            main(argv)
        except UserError as error:
            _leave(str(error))
        except BrokenPipeError:  # `| head` has seen enough; what is still buffered must not raise it again at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except Exception as error:
            if not (line := refusal(error) or places.explained(error)):
                raise
            _leave(line)

    sys.unraisablehook = _unraisable
    ended = {"code": 1}  # of an exception that escapes
    atexit.register(_leave_store, ended)
    try:
        app.run(guarded, flags_parser=_parse)
    except SystemExit as end:
        ended["code"] = end.code if isinstance(end.code, int) else int(end.code is not None)
        raise


EXAMPLE = "configs/cer_mtl.py:emodb,speech"
OVERRIDES = "--config.model.gru_units=8 --config.training.learning_rate=1e-4 --config.data.fold=2"


def define_config(required: bool = True, example: str = EXAMPLE, overrides: str = OVERRIDES) -> "flags.FlagHolder[Any]":
    """The `--config` flag of a tool: its value is the resolved `emotf.config.Experiment`, or None where not given.

    Args:
        required: whether the tool needs one.
        example, overrides: what --help shows, where the tool takes other recipes.
    """  # fmt: skip
    flag = config_flags.DEFINE_config_file(
        "config",
        None,
        f"Recipe and its argument, for example {example}; first on the line. Overrides follow: {overrides}. The "
        "docstring of a recipe lists its arguments.",
    )
    if required:
        flags.mark_flag_as_required("config")
    return cast("flags.FlagHolder[Any]", flag)


def define_deterministic() -> "flags.FlagHolder[Any]":
    """The `--deterministic` flag of a tool that trains."""
    return flags.DEFINE_bool(
        "deterministic",
        False,
        "The same seed gives the same scores to the bit on this machine, however many cores and --workers there are: "
        "one thread an operation, deterministic kernels. As --config.training.deterministic=True.",
    )


def settle(training: Any, deterministic: bool) -> None:
    """Makes a training deterministic where that is asked for, before TensorFlow counts its threads."""
    training.deterministic = training.deterministic or deterministic
    if training.deterministic:
        one_thread()


def experiment(flag: "flags.FlagHolder[Any]", deterministic: bool = False) -> Any:
    """The experiment of `--config`.

    Args:
        flag: of `define_config`.
        deterministic: what `--deterministic` says.

    Raises:
        UserError: the recipe is of a whole system, or of pictures.
    """
    from emotf.config import Experiment
    from emotf.plan import Plan

    if isinstance(flag.value, Plan):
        raise UserError("The recipe's argument asks for a whole system, which tools/assemble.py builds; leave out "
                        "'system' for one experiment.")  # fmt: skip
    if not isinstance(flag.value, Experiment | None):
        raise UserError("This recipe is of pictures, for tools/classify.py and tools/continual.py; choose one of "
                        "recordings, for example configs/cer_mtl.py:synthetic.")  # fmt: skip
    if flag.value is not None:
        settle(flag.value.training, deterministic)
    return flag.value


def way(takes: Mapping[str, Sequence[str]]) -> str:
    """Which of several things a tool shall do: the one of some flags that is given.

    Args:
        takes: each of them -> the other flags that go with it.

    Raises:
        UserError: none of them is given, several are, or a flag that goes with others only.
    """
    given = [name for name in takes if flags.FLAGS[name].value]
    if len(given) != 1:
        raise UserError(f"Give one of {_dashed(takes, ', ')}; received {_dashed(given, ' and ') or 'none'}.")
    (chosen,) = given
    for name in (name for others in takes.values() for name in others):
        if flags.FLAGS[name].present and name not in takes[chosen]:
            fitting = [other for other, names in takes.items() if name in names]
            raise UserError(f"--{name} goes with {_dashed(fitting, ' and ')}, not with --{chosen}; leave it out.")
    return chosen


def needed(chosen: str, name: str, example: str) -> Any:
    """The value of a flag that goes with another one. Raises UserError where it is not given."""
    if not flags.FLAGS[name].value:
        raise UserError(f"--{chosen} needs --{name}, for example --{name}={example}.")
    return flags.FLAGS[name].value


def _dashed(names: Iterable[str], between: str) -> str:
    return between.join(f"--{name}" for name in names)


def _parse(argv: Sequence[str]) -> Sequence[str]:
    """Parses flags; mistakes in --config overrides become one line with the nearest name."""
    for recipe in (arg.partition("=")[2].partition(":")[0] for arg in argv if arg.startswith("--config=")):
        if not os.path.isfile(recipe):
            _leave(f"there is no recipe {recipe}; they are the files of configs/, for example configs/cer_mtl.py.")
    try:
        return list(flags.FLAGS(argv))
    except KeyError as error:
        from emotf.classification.config import TREE as OF_PICTURES
        from emotf.config import unknown_field
        from emotf.continual.config import TREE
        from emotf.plan import Plan

        _leave(unknown_field(error, Plan, *TREE, *OF_PICTURES))
    except (UserError, flags.Error) as error:
        _leave(f"{error} (--help lists the flags)" if isinstance(error, flags.Error) else str(error))
    return []


def _unraisable(said: Any) -> None:
    """An archive that is given up closes itself, which fails on a full disk again; the first time was told."""
    if not (isinstance(said.exc_value, BaseException) and refusal(said.exc_value)):
        sys.__unraisablehook__(said)


def _leave_store(ended: Mapping[str, int]) -> None:
    """Ends a process that asked an object store before what would abort it (`emotf.places.connected`)."""
    if places.connected():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(ended["code"])


def _leave(line: str) -> None:
    print(f"error: {line}", file=sys.stderr, flush=True)
    sys.exit(1)


def integers(values: Sequence[str], flag: str) -> list[int]:
    """The numbers of a list flag, each once. Raises UserError for anything else."""
    try:
        found = [int(value) for value in values]
    except ValueError:
        raise UserError(f"--{flag} takes whole numbers with commas between, received {','.join(values)}.") from None
    if not found or len(set(found)) != len(found) or min(found) < 0:
        raise UserError(f"--{flag} takes numbers from 0 on, each once, received {','.join(values) or 'none'}.")
    return found
