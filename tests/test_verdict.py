"""The verdict in words: each sentence agrees with the numbers beside it, and what was not measured is not claimed."""

from __future__ import annotations

import pytest

from vidstyle.evaluate.verdict import findings


def sentences(painting: dict[str, float], source: dict[str, float] | None = None,
              baseline: dict[str, float] | None = None) -> list[str]:
    values = {"painting": {"sharpness": 1.0} | painting, "source": {"sharpness": 1.0} | (source or {})}
    return [finding.words for finding in findings(values | ({"baseline": baseline} if baseline else {}))]


@pytest.mark.parametrize(("ratio", "words"), [
    (0.03, "Hardly any of the flicker of"), (0.12, "An eighth of the flicker of"),
    (0.16, "A sixth of the flicker of"), (0.34, "A third of the flicker of"),
    (0.52, "Half the flicker of"), (0.76, "Three quarters of the flicker of"), (0.97, "As much flicker as"),
    (1.03, "As much flicker as"), (1.4, "One and a half times the flicker of"), (2.1, "Twice the flicker of"),
    (8.0, "8 times the flicker of")])
def test_the_share_is_named(ratio: float, words: str) -> None:
    own = {"e_stab": 0.02 * ratio}
    assert sentences(own, baseline={"e_stab": 0.02})[0] == f"{words} the clip painted frame by frame."
    assert sentences(own, {"e_stab": 0.02})[0] == f"{words} the source."


@pytest.mark.parametrize(("ratio", "words"), [
    (1.0, "As sharp as the source."), (0.93, "As sharp as the source."), (0.5, "Half the sharpness of the source."),
    (1.5, "Sharper than the source: the strokes have edges of their own.")])
def test_sharpness(ratio: float, words: str) -> None:
    assert sentences({"sharpness": 0.03 * ratio}, {"sharpness": 0.03}) == [words]


def test_blur_is_named_where_it_makes_a_painting_steady() -> None:
    baseline = {"e_stab": 0.04, "sharpness": 1.0}
    for sharpness, words in ((0.7, "part of the steadiness is blur"), (0.9, "the steadiness is not blur")):
        assert any(words in sentence for sentence in sentences({"e_stab": 0.02, "sharpness": sharpness}, {}, baseline))


def test_light_and_colours_are_stated_in_levels_of_8_bits() -> None:
    assert sentences({"flicker": 0.9 / 255, "drift": 4 / 255})[:2] == [
        "The brightness holds from frame to frame.", "The colours drift within a shot, by 4.0 of 255 levels."]


def test_the_way_to_the_style() -> None:
    words = sentences({"style_loss": 0.25, "colour_distance": 0.3}, {"style_loss": 1.0, "colour_distance": 0.2})
    assert words[1:] == ["Its strokes and textures are 75% of the way from the source to the style picture.",
                         "Its colours are no closer to the style picture than the source is."]


def test_the_numbers_stand_beside_the_words() -> None:
    values = {"painting": {"e_stab": 0.02, "e_stab_10": 0.03, "sharpness": 1.0}, "source": {"sharpness": 1.0},
              "baseline": {"e_stab": 0.04, "e_stab_10": 0.05, "sharpness": 1.0}}
    assert str(next(findings(values))) == ("Half the flicker of the clip painted frame by frame (e_stab 0.02 against 0.04, "
                                           "0.50 times; over ten frames 0.60 times).")
