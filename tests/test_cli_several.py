"""Several clips in one command: where each goes, and what one failure does."""


from pathlib import Path

from fake_pipeline import Asked, events

from vidstyle.cli import execute


def several(*clips: str) -> list[str]:
    return ["run", *clips, "--style", "monet.jpg"]


def test_one_failure_does_not_stop_the_others(asked: Asked, capsys):
    assert execute(several("bad.mp4", "a.mp4", "bug.mp4", "b.mp4")) == 5
    out, err = capsys.readouterr()
    assert out == "a_monet.mp4\nb_monet.mp4\n"
    assert "vidstyle: bad.mp4: is no video" in err
    assert "our bug (ValueError: two lines)" in err
    assert "2 of 4 shots failed" in err.splitlines()[-1]


def test_one_clip_alone_keeps_its_exit_code(asked: Asked):
    assert execute(several("bad.mp4")) == 3


def test_several_clips_as_json(asked: Asked, capsys):
    assert execute([*several("a.mp4", "b.mp4"), "--json"]) == 0
    lines = events(capsys)
    assert [line["source"] for line in lines if line["event"] == "clip"] == ["a.mp4", "b.mp4"]
    assert lines[-1] == {"v": 1, "event": "result", "exit_code": 0, "targets": ["a_monet.mp4", "b_monet.mp4"]}
    assert execute([*several("a.mp4", "bad.mp4"), "--json"]) == 5
    lines = events(capsys)
    assert [line["exit_code"] for line in lines if line["event"] == "clip"] == [3, 0]
    assert lines[-1]["exit_code"] == 5


def test_a_shot_list_is_for_batch(asked: Asked, capsys):
    assert execute(several("shots.csv")) == 2
    assert "vidstyle batch shots.csv" in capsys.readouterr().err


def test_a_folder_takes_several_clips(asked: Asked, tmp_path: Path):
    assert execute([*several("x/a.mp4", "y/b.mp4"), "-o", "out/"]) == 0
    assert asked.targets == [Path("out/a_monet.mp4"), Path("out/b_monet.mp4")]
    (tmp_path / "out").mkdir()
    assert execute([*several("x/c.mp4"), "-o", "out"]) == 0
    assert asked.targets[-1] == Path("out/c_monet.mp4")


def test_two_clips_never_share_an_output(asked: Asked, capsys):
    assert execute([*several("x/a.mp4", "x/a.mp4"), "-o", "out/", "--overwrite"]) == 2
    assert execute([*several("a.mp4", "a.mp4"), "--overwrite"]) == 2
    assert asked.painted == []
    assert "would both be written to" in capsys.readouterr().err


def test_clips_of_the_same_name_go_to_folders_of_their_own(asked: Asked):
    """As the camera's cards: what is alike in the folders of the clips is left out."""
    assert execute([*several("day1/x/a.mp4", "day1/y/a.mp4", "day1/a.mp4", "day1/y/b.mp4"), "-o", "out/"]) == 0
    assert asked.targets == [Path("out/x/a_monet.mp4"), Path("out/y/a_monet.mp4"), Path("out/a_monet.mp4"),
                             Path("out/b_monet.mp4")]


def test_a_clip_of_the_batch_is_never_an_output(asked: Asked, capsys):
    assert execute([*several("a.mp4", "a_monet.mp4"), "--overwrite"]) == 2
    assert asked.painted == []
    assert "leave that clip out" in capsys.readouterr().err


def test_a_finished_output_in_the_folder_stays(asked: Asked, tmp_path: Path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/a_monet.mp4").touch()
    assert execute([*several("a.mp4", "b.mp4"), "-o", "out/"]) == 5
    assert asked.painted == [Path("b.mp4")]
