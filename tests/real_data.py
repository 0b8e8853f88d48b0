"""Real recordings that some tests read; they lie beside the project, never in it."""

from pathlib import Path

import pytest

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason="shared/data stands beside the repository only at the makers'"
)
