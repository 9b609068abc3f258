"""Number formats and determinism by device; none of it needs a GPU."""

import os
import warnings

import pytest
import torch

from vidstyle.core.devices import deterministic, precision


def switches() -> tuple[bool, bool, bool]:
    return (torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark)


@pytest.fixture
def workspace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "")  # restored afterwards
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")


@pytest.mark.usefixtures("workspace")
@pytest.mark.parametrize("device", ["cuda", "cuda:1"])
def test_cuda_is_deterministic_inside_and_as_before_outside(device: str):
    before = switches()
    torch.backends.cudnn.benchmark = True
    try:
        with deterministic(device):
            assert switches() == (True, True, False)
            assert torch.is_deterministic_algorithms_warn_only_enabled()
            assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
            with warnings.catch_warnings(record=True) as told:
                warnings.warn("upsample does not have a deterministic implementation, but you set ...", stacklevel=1)
            assert not told
        assert switches() == (before[0], before[1], True)
    finally:
        torch.backends.cudnn.benchmark = before[2]


@pytest.mark.usefixtures("workspace")
def test_the_settings_are_restored_after_an_error():
    before = switches()
    with pytest.raises(KeyboardInterrupt), deterministic("cuda"):
        raise KeyboardInterrupt
    assert switches() == before


@pytest.mark.usefixtures("workspace")
@pytest.mark.parametrize("device", ["cpu", "mps"])
def test_other_devices_are_left_alone(device: str):
    before = switches()
    with deterministic(device):
        assert switches() == before
        assert "CUBLAS_WORKSPACE_CONFIG" not in os.environ


@pytest.mark.usefixtures("workspace")
def test_a_workspace_that_the_user_chose_stays(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    with deterministic("cuda"):
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":16:8"


@pytest.mark.parametrize(("tiles", "expected"), [(True, torch.bfloat16), (False, torch.float32)])
def test_the_cpu_uses_bfloat16_with_matrix_tiles_only(tiles: bool, expected: torch.dtype, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: tiles)
    with precision(torch.device("cpu")):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == expected
