"""Weights: records, download and cache, hashes, one-sentence errors, and files whose code is never run."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import socket
import stat
import urllib.error
from dataclasses import replace
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import VGG16_Weights, VGG19_Weights
from torchvision.models.optical_flow import Raft_Large_Weights, Raft_Small_Weights

from vidstyle.core.errors import InputError, OutputError, UsageError
from vidstyle.models import registry

CONTENT = b"these are the weights"


class Reply(io.BytesIO):
    """What `urlopen` returns."""

    def info(self) -> Message:
        headers = Message()
        headers["Content-Length"] = str(len(self.getvalue()))
        return headers


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, a record `toy` with the hash of CONTENT, and a server that sends CONTENT."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    toy = replace(registry.RECORDS["raft-small"], name="toy", source="https://example.org/toy.pth",
                  sha256=hashlib.sha256(CONTENT).hexdigest()[:8])
    monkeypatch.setitem(registry.RECORDS, "toy", toy)
    monkeypatch.setattr(torch.hub, "urlopen", lambda *_, **__: Reply(CONTENT))
    return tmp_path / "checkpoints"


def no_network(*_: Any, **__: Any) -> None:
    raise urllib.error.URLError("Name or service not known")


@pytest.mark.parametrize(("name", "published"), [
    ("vgg19", VGG19_Weights.IMAGENET1K_V1), ("vgg16", VGG16_Weights.IMAGENET1K_V1),
    ("raft-large", Raft_Large_Weights.C_T_SKHT_V2), ("raft-small", Raft_Small_Weights.C_T_V2)])
def test_records_have_the_urls_and_hashes_of_torchvision(name: str, published: Any) -> None:
    model = registry.find(name)
    assert model.source == published.url
    assert model.source.endswith(f"-{model.sha256}.pth")
    assert registry.location(model).name == published.url.rsplit("/", 1)[1]


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"'vgg99'.*raft-large, raft-small, vgg16, vgg19"):
        registry.fetch("vgg99")


def test_a_file_is_fetched_once_and_cached(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = registry.fetch("toy")
    assert path == cache / "toy.pth"
    assert path.read_bytes() == CONTENT
    assert os.listdir(cache) == ["toy.pth"]
    monkeypatch.setattr(torch.hub, "urlopen", no_network)
    assert registry.fetch("toy") == path


@pytest.mark.skipif(os.name != "posix", reason="file modes")
def test_a_fetched_file_is_readable_for_all(cache: Path) -> None:
    before = os.umask(0o077)
    try:
        path = registry.fetch("toy")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_server_that_does_not_answer_ends_the_download(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    timeouts: list[float | None] = []

    def hangs(*_: Any, **__: Any) -> None:
        timeouts.append(socket.getdefaulttimeout())
        raise TimeoutError("timed out")

    monkeypatch.setattr(torch.hub, "urlopen", hangs)
    with pytest.raises(InputError, match=r"cannot be reached \(timed out\)"):
        registry.fetch("toy")
    assert timeouts == [registry.TIMEOUT]
    assert socket.getdefaulttimeout() is None


def test_a_cache_that_cannot_be_written_is_one_sentence(cache: Path) -> None:
    cache.write_text("a file where the folder should be")
    with pytest.raises(OutputError, match="set TORCH_HOME") as raised:
        registry.fetch("toy")
    assert "\n" not in str(raised.value)


def test_without_a_network_one_sentence_names_the_file_its_place_and_an_alternative(
        cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, "urlopen", no_network)
    with pytest.raises(InputError) as raised:
        registry.fetch("raft-small")
    message = str(raised.value)
    assert raised.value.exit_code == 3
    assert registry.RECORDS["raft-small"].source in message
    assert str(cache / "raft_small_C_T_V2-01064c6d.pth") in message
    assert "--flow dis" in message
    assert "\n" not in message
    with pytest.raises(InputError, match="--encoder builtin"):
        registry.fetch("vgg19")
    assert list(cache.iterdir()) == []  # no partial file


def test_a_file_with_another_hash_is_refused(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.hub, "urlopen", lambda *_, **__: Reply(b"a login page"))
    with pytest.raises(InputError, match="published"):
        registry.fetch("toy")
    assert list(cache.iterdir()) == []
    (cache / "toy.pth").write_bytes(b"damaged")
    with pytest.raises(InputError, match="delete it"):
        registry.fetch("toy")


def test_safetensors_and_pytorch_files_are_loaded(tmp_path: Path) -> None:
    tensors = {"a.weight": torch.rand(2, 3), "a.bias": torch.rand(3)}
    save_file(tensors, tmp_path / "a.safetensors")
    torch.save(tensors, tmp_path / "a.pth")
    torch.save({"state_dict": tensors, "epoch": 3}, tmp_path / "b.pth")
    for name in ("a.safetensors", "a.pth", "b.pth"):
        loaded = registry.load_state_dict(tmp_path / name)
        assert loaded.keys() == tensors.keys()
        assert all(torch.equal(loaded[key], tensors[key]) for key in tensors)


class RunsCode:
    """Unpickling an instance creates the file `target`."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return Path.touch, (self.target,)


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    code = {"a": RunsCode(tmp_path / "ran")}
    torch.save(code, tmp_path / "torch.pth")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(code, protocol=2))
    for name in ("torch.pth", "plain.pth"):
        with pytest.raises(InputError, match="not run"):
            registry.load_state_dict(tmp_path / name)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["missing.pth", "missing.safetensors", "text.pth", "text.safetensors", "empty.pth",
                                  "empty.safetensors", "list.pth", "cut.pth", "."])
def test_unreadable_files_are_refused_in_one_sentence(tmp_path: Path, name: str) -> None:
    for kind in ("pth", "safetensors"):
        (tmp_path / f"text.{kind}").write_text("hello " * 100)
        (tmp_path / f"empty.{kind}").touch()
    torch.save([torch.rand(2)], tmp_path / "list.pth")
    torch.save({"a": torch.rand(100)}, tmp_path / "cut.pth")
    (tmp_path / "cut.pth").write_bytes((tmp_path / "cut.pth").read_bytes()[:500])
    with pytest.raises(InputError, match=r"give|check|copy it again|name a weights file") as raised:
        registry.load_state_dict(tmp_path / name)
    assert "\n" not in str(raised.value)
