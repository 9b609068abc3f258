"""The palette: it gives the style's colours, and changes nothing where they are there already."""

import torch

from vidstyle.painting.palette import Palette, palette_map, sample_colours


def test_the_palette_map_gives_the_styles_mean_and_covariance():
    generator = torch.Generator().manual_seed(0)
    clip, style = torch.rand(3, 4000, generator=generator) * 0.6, torch.rand(3, 4000, generator=generator) ** 2
    matrix, light = palette_map(clip, style)
    changed = matrix @ clip + light[:, None]
    torch.testing.assert_close(changed.mean(1), style.mean(1), atol=1e-5, rtol=0)
    # The floor of 0.03 under the deviations keeps the covariances from being met exactly.
    torch.testing.assert_close(torch.cov(changed), torch.cov(style), atol=3e-3, rtol=0)
    torch.testing.assert_close(matrix, matrix.T)  # of all maps that do so, the symmetric one changes colours least


def test_colours_that_fit_already_stay():
    colours = torch.rand(3, 4000, generator=torch.Generator().manual_seed(0))
    matrix, light = palette_map(colours, colours)
    torch.testing.assert_close(matrix, torch.eye(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(light, torch.zeros(3), atol=1e-5, rtol=0)


def test_a_stacked_palette_maps_each_image_by_its_own_entry():
    generator = torch.Generator().manual_seed(0)
    one, other = (Palette.between(torch.rand(3, 500, generator=generator), torch.rand(3, 500, generator=generator) ** 2)
                  for _ in range(2))
    images = torch.rand(2, 3, 8, 10, generator=generator)
    both = Palette.stacked([one, other])
    torch.testing.assert_close(both(images), torch.stack([one(images[0]), other(images[1])]))
    mean = both.mixed(torch.tensor([0.75, 0.25]))
    torch.testing.assert_close(mean(images), 0.75 * one(images) + 0.25 * other(images))


def test_colours_of_bytes_are_those_of_the_image():
    image = torch.rand(3, 9, 13, generator=torch.Generator().manual_seed(0))
    assert sample_colours(image).shape == (3, 3 * 4)
    torch.testing.assert_close(sample_colours((255 * image).round().byte()), sample_colours(image), atol=0.5 / 255, rtol=0)


def test_a_style_of_one_colour_gives_that_colour():
    clip = torch.rand(3, 4000, generator=torch.Generator().manual_seed(0))
    colour = torch.tensor([0.2, 0.5, 0.9])
    for count in (1, 2):  # pixels of the style picture
        matrix, light = palette_map(clip, colour[:, None].expand(3, count))
        changed = matrix @ clip + light[:, None]
        torch.testing.assert_close(changed.mean(1), colour, atol=1e-5, rtol=0)
        assert float(changed.std(1).max()) < 0.05  # the floor of 0.03 under the deviations
