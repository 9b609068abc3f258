"""What the tests of the command line share."""

from pathlib import Path

import pytest
from fake_pipeline import Asked, install


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Asked:
    """Fakes in place, in an empty working folder."""
    monkeypatch.chdir(tmp_path)
    return install(monkeypatch)
