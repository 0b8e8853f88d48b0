"""Every example in a docstring runs and gives what it prints."""

import doctest
import importlib
import pkgutil

import pytest

import emotf

MODULES = ["emotf", *sorted(module.name for module in pkgutil.walk_packages(emotf.__path__, "emotf."))]

# Where a reader looks first; an example that vanishes there is missed.
SHOWN = {
    "emotf.track", "emotf.measures", "emotf.metrics", "emotf.recording", "emotf.catalog", "emotf.config",
    "emotf.framing", "emotf.losses.ccc", "emotf.losses.mse", "emotf.losses.pcc", "emotf.models.cer",
    "emotf.models.pure_cnn", "emotf.windows.feature_images", "emotf.features.body_euler24",
}  # fmt: skip


def test_all_modules_are_seen():
    assert set(MODULES) >= SHOWN


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    module = importlib.import_module(name)
    assert module.__doc__
    found = doctest.testmod(module)
    assert found.failed == 0
    assert found.attempted or name not in SHOWN
