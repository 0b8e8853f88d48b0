"""What --deterministic fixes, on sums that hang on the number of threads and on whole runs."""

import pytest
import warm
from conftest import ROOT, tool

from emotf.files import read_json

SUM = """
import sys
import numpy as np
import tensorflow as tf
from emotf.determinism import be_deterministic, conditions

if sys.argv[1] == "deterministic":
    be_deterministic(jit_compile=False)
values = np.random.default_rng(0).normal(size=3_000_001).astype("float32")
print(float(tf.reduce_sum(values)).hex(), conditions(False)["threads"])
"""


@pytest.fixture(scope="module")
def total(tmp_path_factory):
    """The sum of many numbers, and how many threads took it."""
    script = tmp_path_factory.mktemp("sums") / "sum.py"
    script.write_text(SUM)

    def summed(how, threads):
        done = warm.run(str(script), [how], ROOT, timeout=60, env={"TF_NUM_INTRAOP_THREADS": str(threads)})
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    return summed


def test_bits_of_a_sum_hang_on_threads_unless_it_is_deterministic(total):
    (one, _), (many, threads) = total("as it is", 1), total("as it is", 5)
    assert one != many and threads == "5"
    assert total("deterministic", 5) == total("deterministic", 1) == [one, "1"]


def test_kernels_that_cannot_be_deterministic_are_refused_and_so_is_a_late_start(tmp_path):
    script = tmp_path / "late.py"
    script.write_text(
        "import tensorflow as tf\n"
        "from emotf.determinism import be_deterministic\n"
        "from emotf.errors import UserError\n"
        "tf.constant(1) + 1\n"
        "try:\n    be_deterministic(False)\nexcept UserError as error:\n    print(error)\n"
        "import os; os.environ['TF_NUM_INTRAOP_THREADS'] = '1'; be_deterministic(False)\n"
        "try:\n    tf.random.uniform(())\nexcept RuntimeError as error:\n    print(error)\n"
    )
    said = warm.run(str(script), [], ROOT, timeout=60, env={}).stdout
    assert "TensorFlow has begun with several threads" in said and "set TF_NUM_INTRAOP_THREADS=1" in said
    assert "require a seed" in said


ON_ONE_CORE = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})"


@pytest.mark.parametrize("xla", [False, True])
def test_a_deterministic_run_is_the_same_on_one_core_and_on_all(smoke, tmp_path, xla):
    flags = [*smoke, f"--config.training.jit_compile={xla}", "--deterministic"]
    everywhere = tool("train", *flags, f"--run={tmp_path / 'all'}", before="")
    on_one = tool("train", *flags, f"--run={tmp_path / 'one'}", before=ON_ONE_CORE)
    assert everywhere.returncode == on_one.returncode == 0
    found = []
    for name in ("all", "one"):
        tool("evaluate", f"--run={tmp_path / name}", "--plots=0")
        about = read_json(tmp_path / name / "about.json")
        assert about["conditions"]["threads"] == 1 and about["conditions"]["deterministic"]
        found.append([(tmp_path / name / file).read_bytes() for file in ("history.csv", "scores.csv")])
    assert found[0] == found[1]
    assert "last digits hang on: processor" in tool("describe", f"--run={tmp_path / 'one'}").stdout


def test_a_run_that_goes_on_elsewhere_says_what_has_changed(smoke, tmp_path):
    flags = [*smoke, "--config.training.epochs=2", f"--run={tmp_path}"]
    stop = (
        "from emotf.training.state import Resume\nold = Resume.on_epoch_end\n"
        "def on_epoch_end(self, epoch, logs=None):\n    old(self, epoch, logs)\n    raise SystemExit(3)\n"
        "Resume.on_epoch_end = on_epoch_end"
    )
    first = tool("train", *flags, before=stop, env={"TF_NUM_INTRAOP_THREADS": "3"}, check=False)
    assert first.returncode == 3, first.stderr
    again = tool("train", *flags, env={"TF_NUM_INTRAOP_THREADS": "2"})
    assert "this run was begun with threads 3, now 2" in again.stderr


def test_what_cannot_be_deterministic_is_refused_in_a_line(smoke, tmp_path):
    done = tool(
        "train", *smoke, "--deterministic", f"--run={tmp_path}", fresh=True, env={"KERAS_BACKEND": "jax"}, check=False
    )
    assert done.returncode == 1
    assert (
        done.stderr.strip().splitlines()[-1].startswith("error: training.deterministic is about TensorFlow's kernels")
    )
