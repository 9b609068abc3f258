"""What the tests of the command line share, and those of runs that stop."""

import os
import shutil
from pathlib import Path

if "PYTEST_XDIST_WORKER" in os.environ:  # a process for each core, and one thread in each
    os.environ["OMP_NUM_THREADS"] = "1"

import pytest
import stopped_runs
from fake_pipeline import Asked, install


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Asked:
    """Fakes in place, in an empty working folder."""
    monkeypatch.chdir(tmp_path)
    return install(monkeypatch)


@pytest.fixture(scope="session")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a run was stopped; see `make_stopped`."""
    folder = tmp_path_factory.mktemp("stopped")
    with pytest.MonkeyPatch.context() as patch:
        stopped_runs.save_often(patch)
        stopped_runs.make_stopped(folder)
    return folder


@pytest.fixture
def folder(stopped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of `stopped`, in which runs save often too."""
    stopped_runs.save_often(monkeypatch)
    return Path(shutil.copytree(stopped, tmp_path / "copy"))
