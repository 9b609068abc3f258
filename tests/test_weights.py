"""Weights: found by name, checked by hash, never run as code, and a plain sentence where there is no network."""

from __future__ import annotations

import hashlib
import io
import pickle
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import VGG16_Weights, VGG19_Weights
from torchvision.models.optical_flow import Raft_Large_Weights, Raft_Small_Weights

from vidstyle.core.errors import InputError, UsageError
from vidstyle.models import registry as weights

CONTENT = b"these are the weights"


class Reply(io.BytesIO):
    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.headers = {"Content-Length": str(len(content))}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, a record `toy` whose hash is that of CONTENT, and a server that sends CONTENT."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    toy = replace(weights.RECORDS["raft-small"], name="toy", file="toy.pth", url="https://example.org/toy.pth",
                  sha256=hashlib.sha256(CONTENT).hexdigest()[:8])
    monkeypatch.setitem(weights.RECORDS, "toy", toy)
    monkeypatch.setattr(urllib.request, "urlopen", lambda *_, **__: Reply(CONTENT))
    return tmp_path / "checkpoints"


def no_network(*_: Any, **__: Any) -> None:
    raise urllib.error.URLError("Name or service not known")


@pytest.mark.parametrize(("name", "published"), [
    ("vgg19", VGG19_Weights.IMAGENET1K_V1), ("vgg16", VGG16_Weights.IMAGENET1K_V1),
    ("raft-large", Raft_Large_Weights.C_T_SKHT_V2), ("raft-small", Raft_Small_Weights.C_T_V2)])
def test_records_are_torchvisions_own(name: str, published: Any) -> None:
    record = weights.find(name)
    assert record.url == published.url
    assert record.file == published.url.rsplit("/", 1)[1]
    assert record.file.endswith(f"-{record.sha256}.pth")


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(UsageError, match=r"'vgg99'.*raft-large, raft-small, vgg16, vgg19"):
        weights.fetch("vgg99")


def test_fetched_once_then_cached(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, int | None]] = []
    path = weights.fetch("toy", lambda done, total: seen.append((done, total)))
    assert path == cache / "toy.pth"
    assert path.read_bytes() == CONTENT
    assert seen == [(len(CONTENT), len(CONTENT))]
    monkeypatch.setattr(urllib.request, "urlopen", no_network)
    assert weights.fetch("toy") == path


def test_without_a_network_one_sentence_says_what_to_place_where(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(urllib.request, "urlopen", no_network)
    with pytest.raises(InputError) as raised:
        weights.fetch("raft-small")
    message = str(raised.value)
    assert raised.value.exit_code == 3
    assert weights.RECORDS["raft-small"].url in message
    assert str(cache / "raft_small_C_T_V2-01064c6d.pth") in message
    assert "--flow dis" in message
    assert "\n" not in message
    with pytest.raises(InputError, match="--encoder builtin"):
        weights.fetch("vgg19")
    assert list(cache.iterdir()) == [], "nothing half fetched stays behind"


def test_what_is_not_the_published_file_is_refused(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(urllib.request, "urlopen", lambda *_, **__: Reply(b"a login page"))
    with pytest.raises(InputError, match="published"):
        weights.fetch("toy")
    assert list(cache.iterdir()) == []
    (cache / "toy.pth").write_bytes(b"damaged")
    with pytest.raises(InputError, match="delete it"):
        weights.fetch("toy")


def test_state_dicts_of_both_kinds(tmp_path: Path) -> None:
    tensors = {"a.weight": torch.rand(2, 3), "a.bias": torch.rand(3)}
    save_file(tensors, tmp_path / "a.safetensors")
    torch.save(tensors, tmp_path / "a.pth")
    torch.save({"state_dict": tensors, "epoch": 3}, tmp_path / "b.pth")
    for name in ("a.safetensors", "a.pth", "b.pth"):
        loaded = weights.load_state_dict(tmp_path / name)
        assert loaded.keys() == tensors.keys()
        assert all(torch.equal(loaded[key], tensors[key]) for key in tensors)


class Evil:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> Any:
        return Path.touch, (self.target,)


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    evil = {"a": Evil(tmp_path / "ran")}
    torch.save(evil, tmp_path / "torch.pth")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(evil, protocol=2))
    for name in ("torch.pth", "plain.pth"):
        with pytest.raises(InputError, match="not run"):
            weights.load_state_dict(tmp_path / name)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["missing.pth", "missing.safetensors", "text.pth", "text.safetensors", "empty.pth",
                                  "empty.safetensors", "list.pth", "cut.pth", "."])
def test_bad_files_are_told_in_a_sentence(tmp_path: Path, name: str) -> None:
    for kind in ("pth", "safetensors"):
        (tmp_path / f"text.{kind}").write_text("hello " * 100)
        (tmp_path / f"empty.{kind}").touch()
    torch.save([torch.rand(2)], tmp_path / "list.pth")
    torch.save({"a": torch.rand(100)}, tmp_path / "cut.pth")
    (tmp_path / "cut.pth").write_bytes((tmp_path / "cut.pth").read_bytes()[:500])
    with pytest.raises(InputError, match=r"give|check|copy it again|name a file") as raised:
        weights.load_state_dict(tmp_path / name)
    assert "\n" not in str(raised.value)
