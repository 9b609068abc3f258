"""Hostile networks and configs: no code in a file runs, and none names a file that is not beside it."""

from __future__ import annotations

import pickle
import struct
import zipfile
from pathlib import Path

import pytest
import torch
from hostile_files import Bomb, one_sentence
from safetensors.torch import save_file

from vidstyle.core.config import load_options
from vidstyle.core.errors import InputError, UsageError, VidstyleError
from vidstyle.core.files import inside
from vidstyle.models.registry import load_state_dict
from vidstyle.painting.feedforward.network import PaintNetwork
from vidstyle.painting.feedforward.network_file import load_network


@pytest.mark.parametrize("name", ["net.pth", "net.pt", "net.safetensors", "bare.safetensors", "net.ckpt"])
def test_a_pickled_network_is_refused_without_loading_it(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    if name.startswith("bare"):
        Path(name).write_bytes(pickle.dumps(Bomb()))
    else:
        torch.save({"weights": Bomb()}, name)
    with pytest.raises(InputError, match="is a pickle") as caught:
        load_network(Path(name))
    assert one_sentence(caught.value)
    with pytest.raises(InputError) as caught:
        load_state_dict(Path(name))
    assert one_sentence(caught.value)
    assert not Path("owned").exists()


def test_an_archive_that_unpacks_beyond_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data/0", bytes(2 << 20))
    assert (tmp_path / "bomb.pth").stat().st_size < 1 << 14
    with pytest.raises(InputError, match="not a weights file"):
        load_state_dict(tmp_path / "bomb.pth")
    monkeypatch.setattr("vidstyle.models.registry.MOST_BYTES", 1 << 20)
    with pytest.raises(InputError, match="holds more than"):
        load_state_dict(tmp_path / "bomb.pth")


@pytest.mark.parametrize("change", [
    {"width": "1000000000"}, {"width": "-1"}, {"width": "16"}, {"blocks": "1000000000"}, {"blocks": "x"}, {"keep": "nan"},
    {"keep": "1e9"}, {"soft": "0"}, {"soft": "9" * 5000}, {"width": None}])
def test_hostile_metadata_of_a_network(tmp_path: Path, change: dict[str, str | None]) -> None:
    path = tmp_path / "net.safetensors"
    about = {"width": "8", "blocks": "1", "keep": "0.9", "soft": "3"} | change
    save_file(PaintNetwork(width=8, blocks=1).state_dict(), path, {key: text for key, text in about.items() if text})
    with pytest.raises(InputError, match="is not a network") as caught:
        load_network(path)
    assert one_sentence(caught.value)


def test_hostile_tensors_of_a_network(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    about = {"width": "8", "blocks": "1", "keep": "0.9", "soft": "3"}
    good = PaintNetwork(width=8, blocks=1).state_dict()
    name = next(iter(good))
    for bad in ({**good, name: good[name].repeat(2, 1, 1, 1)}, {**good, "more": torch.zeros(1)}, {name: good[name]},
                {**good, name: good[name] * float("nan")}):
        save_file(bad, path, about)
        with pytest.raises(InputError, match="is not a network") as caught:
            load_network(path)
        assert one_sentence(caught.value)
    header = b'{"x":{"dtype":"F32","shape":[99999999999,99999999],"data_offsets":[0,9]}}'
    for head in (header, b'{"__metadata__":' + b"[" * 9000, b"{}"):
        for length in (len(head), 2**63, 2**64 - 1, 0):
            path.write_bytes(struct.pack("<Q", length) + head + bytes(9))
            for load in (load_network, load_state_dict):
                with pytest.raises(VidstyleError) as caught:
                    load(path)
                assert one_sentence(caught.value)


def test_a_config_names_only_files_beside_it(tmp_path: Path) -> None:
    folder = tmp_path / "job"
    (folder / "nets").mkdir(parents=True)
    (tmp_path / "secret.safetensors").touch()
    (folder / "link.safetensors").symlink_to(tmp_path / "secret.safetensors")
    (folder / "out").symlink_to(tmp_path)
    config = folder / "my.toml"
    for name in ("../secret.safetensors", str(tmp_path / "secret.safetensors"), "link.safetensors", "out/new.safetensors",
                 "nets/../../x.safetensors", "a\\u0000b"):
        for key, text in (("network", name), ("flow", f"raft-small={name}")):
            config.write_text(f'{key} = "{text}"')
            with pytest.raises(UsageError, match="not inside") as caught:
                load_options(config=config)
            assert one_sentence(caught.value)
    config.write_text('network = "nets/a.safetensors"\nflow = "raft-small=nets/../raft.pth"')
    options = load_options(config=config)
    assert options.network == folder / "nets/a.safetensors"
    assert options.flow == f"raft-small={folder}/nets/../raft.pth"
    assert load_options(config=config, network=tmp_path / "secret.safetensors").network == tmp_path / "secret.safetensors"
    assert inside(folder, "new.mp4", "list") == folder / "new.mp4"


@pytest.mark.parametrize("text", ["x = " + "[" * 100_000, "size = " + "9" * 5000, "#" * (1 << 20) + "\n", "\xff"])
def test_a_hostile_config_is_one_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "my.toml").write_text(text, encoding="latin-1")
    with pytest.raises(UsageError) as caught:
        load_options(config=tmp_path / "my.toml")
    assert one_sentence(caught.value)
