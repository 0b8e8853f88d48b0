"""What the last digits of results hang on, and how to fix what can be fixed.

With one seed on one machine, TensorFlow gives the same bits every time on a CPU as long as an operation is cut among
the same number of threads: sums are taken in another order otherwise. Cores, `--workers` and other settings decide that
number, unless a run is deterministic.
"""

import os
import platform
from pathlib import Path
from typing import Any

from emotf.errors import UserError

THREADS = "TF_NUM_INTRAOP_THREADS"
# Sets of instructions for which TensorFlow's kernels sum in another order.
INSTRUCTIONS = ("avx", "avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile")


def one_thread() -> None:
    """Lets an operation of TensorFlow, not yet begun, have one thread in this process and in those it starts."""
    os.environ[THREADS] = "1"


def be_deterministic(jit_compile: bool) -> None:
    """Takes one thread an operation, and kernels that give the same bits each time, in this process from now on.

    Args:
        jit_compile: whether XLA compiles them. TensorFlow's promise of determinism and XLA exclude each other (Keras
            would leave XLA out without a word); on a CPU one thread is enough.

    Raises:
        UserError: TensorFlow has begun with several threads; or XLA would compile for a GPU.
    """
    import tensorflow as tf

    if jit_compile and tf.config.list_physical_devices("GPU"):
        raise UserError("On a GPU, TensorFlow has no deterministic kernels with XLA; choose one of "
                        "training.deterministic and training.jit_compile.")  # fmt: skip
    if os.environ.get(THREADS) != "1":
        try:
            tf.config.threading.set_intra_op_parallelism_threads(1)
        except RuntimeError:
            raise UserError(
                "TensorFlow has begun with several threads an operation, a deterministic run needs one; set "
                f"{THREADS}=1 before it starts (the tools do, with --deterministic)."
            ) from None
    if not jit_compile:
        tf.config.experimental.enable_op_determinism()


def conditions(deterministic: bool) -> dict[str, Any]:
    """What the bits of a result hang on beside seed, settings and versions; JSON content.

    Returns:
        processor, instructions (sets that it has), threads (an operation may take), onednn (whether TensorFlow uses
        it), deterministic.
    """
    import tensorflow as tf

    threads = tf.config.threading.get_intra_op_parallelism_threads() or int(os.environ.get(THREADS, 0))
    facts = _processor()
    return {
        "processor": facts.get("model name", platform.processor() or platform.machine()),
        "instructions": [name for name in INSTRUCTIONS if name in facts.get("flags", "").split()],
        "threads": threads or len(os.sched_getaffinity(0)),
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS", "1") != "0",
        "deterministic": deterministic,
    }


def described(under: dict[str, Any]) -> str:
    """`conditions` in a line.

    Example:
        >>> described({"processor": "EPYC", "instructions": ["avx2", "fma"], "threads": 2, "deterministic": False})
        'processor EPYC, instructions avx2 fma, threads 2, deterministic False'
    """
    return ", ".join(f"{name} {_text(value)}" for name, value in under.items())


def differences(before: dict[str, Any], now: dict[str, Any]) -> str:
    """In what two conditions differ, `threads 2, now 1`; empty where they do not.

    Example:
        >>> differences({"threads": 2, "onednn": True}, {"threads": 1, "onednn": True})
        'threads 2, now 1'
    """
    changed = [name for name in before if name in now and before[name] != now[name]]
    return "; ".join(f"{name} {_text(before[name])}, now {_text(now[name])}" for name in changed)


def _text(value: Any) -> str:
    return " ".join(value) if isinstance(value, list) else str(value)


def _processor() -> dict[str, str]:
    """The first processor of /proc/cpuinfo; empty where there is no such file."""
    path = Path("/proc/cpuinfo")
    if not path.is_file():
        return {}
    lines = path.read_text().partition("\n\n")[0].splitlines()
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
