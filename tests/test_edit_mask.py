"""Masks of edits: where a chain lets an image change, and that everything else stays to the last bit."""

import pytest
import torch
from comfy_extras.nodes_mask import ImageCompositeMasked
from got.got_models.chain.forms.moves import edited_regions, moves
from got.got_models.chain.grammar import EDIT, ChainError, read_chain
from got.got_models.errors import GoTError
from got.got_models.guidance.edit_mask import Crop, EditArea, crop_around, edit_mask, paste, scaled, whole
from got.nodes.edit import GoTEditMask, GoTPasteEdit

AREA = "The image shows a cup (0,0),(99,99) (red). The area to be edited is (250,500),(499,749) (blue)."
MOVE = "A cup (0,0),(99,99) (red) moves to its new place (500,500),(599,599) (blue) by a jug (700,0),(999,99) (lime)."
ODD = (333, 500)  # height and width, no multiples of 8


def picture(height=100, width=200, count=1, channels=3):
    return torch.rand(count, height, width, channels, generator=torch.Generator().manual_seed(count + channels))


def chain_of(text, source=None, prompt="make it blue"):
    return read_chain(text, EDIT, prompt, picture() if source is None else source)


def boxed(text):
    return [region.box for region in edited_regions(chain_of(text))]


# ----------------------------------------------------------------------------------------------- what may change


def test_areas_alone_change_where_the_chain_names_them():
    assert boxed(AREA) == [(250, 500, 499, 749)]
    assert len(boxed("A cup (0,0),(99,99) (red) on a table (0,500),(999,999) (blue).")) == 2
    assert len(edited_regions(read_chain(AREA))) == 2  # no edit


def test_what_moves_changes_where_it_was_and_where_it_goes():
    chain = chain_of(MOVE)
    assert moves(chain) == {0: 1} and boxed(MOVE) == [(0, 0, 99, 99), (500, 500, 599, 599)]
    assert moves(chain_of("Its new place (1,1),(2,2) (red) and the new position (3,3),(4,4) (blue).")) == {}


def test_a_region_that_is_off_may_not_change():
    chain = chain_of(MOVE)
    off = tuple(region._replace(off=number == 1) for number, region in enumerate(chain.regions))
    chain = chain.__class__(**(vars(chain) | {"regions": off}))
    assert [region.box[0] for region in edited_regions(chain)] == [0, 700]


# ---------------------------------------------------------------------------------------------------------- masks


def test_a_mask_is_one_in_the_box_and_falls_off_around_it():
    regions = edited_regions(chain_of(AREA))
    mask = edit_mask(regions, 200, 100)
    assert mask.shape == (1, 100, 200) and mask.sum() == mask[:, 50:75, 50:100].sum() == 25 * 50
    grown = edit_mask(regions, 200, 100, 10)
    assert grown.sum() == grown[:, 40:85, 40:110].sum() == 45 * 70
    soft = edit_mask(regions, 200, 100, 10, 9)
    assert (soft[:, 40:85, 40:110] == 1).all() and soft[0, 60, 110:121].tolist() == pytest.approx(
        [(10 - d) / 10 for d in range(1, 10)] + [0, 0]
    )
    assert soft[0, 35, 35] < soft[0, 35, 60] and (soft[:, :, :31] == 0).all() and (soft[:, 94:] == 0).all()


def test_masks_of_several_regions_are_joined_and_end_at_the_image():
    mask = edit_mask(edited_regions(chain_of(MOVE)), 200, 100, 500, 500)
    assert (mask == 1).all()
    both = edit_mask(edited_regions(chain_of(MOVE)), 200, 100)
    assert both.sum() == both[:, :10, :20].sum() + both[:, 50:60, 100:120].sum() == 2 * 200


@pytest.mark.parametrize(("height", "width"), [(100, 200), ODD, (17, 16), (8, 8), (3, 1000)])
@pytest.mark.parametrize("text", [AREA, MOVE, "an egg (990,990),(999,999) (red)."])
def test_a_crop_holds_the_mask_in_whole_cells_inside_the_image(height, width, text):
    mask = edit_mask(edited_regions(chain_of(text)), width, height, 2, 3)
    for margin in (0, 5, 5000):
        x, y, wide, high = crop_around(mask, margin)
        assert 0 <= x <= x + wide <= width and 0 <= y <= y + high <= height
        assert (mask > 0).sum() == (mask[:, y : y + high, x : x + wide] > 0).sum()
        assert wide % 8 == 0 or wide > width // 8 * 8 or wide == width < 8
        assert high % 8 == 0 or high > height // 8 * 8 or high == height < 8


# -------------------------------------------------------------------------------------------------------- pasting


@pytest.mark.parametrize("source", [picture(), picture(*ODD), picture(count=3), picture(channels=4)])
@pytest.mark.parametrize("crop", [False, True])
@pytest.mark.parametrize("megapixels", [0.0, 0.01])
def test_outside_the_mask_every_bit_stays(source, crop, megapixels):
    chain = chain_of(AREA, source[:1, ..., :3])
    mask, shown, instruction, area = GoTEditMask.execute(chain, source, 4, 6, crop, 16, megapixels).result
    assert instruction == "make it blue" and shown.shape[1:3] == mask.shape[1:3] and len(shown) == len(source)
    assert megapixels == 0 or all(side % 16 == 0 for side in mask.shape[1:3])
    drawn = torch.full((1, *mask.shape[1:3], 3), float("nan")).where(mask[..., None] == 0, 0.5)
    if megapixels or not crop:
        drawn = torch.full_like(drawn, 0.5)  # a scaled image has no place that is not used
    [result] = GoTPasteEdit.execute(drawn, area).result
    assert result.shape == source.shape and result.isfinite().all()
    outside = (area.mask == 0)[..., None].expand_as(source)
    assert outside.any() and torch.equal(result[outside], source[outside])
    inside = (area.mask == 1)[0]
    assert torch.allclose(result[:, inside][..., :3], torch.tensor(0.5)) and inside.any()
    assert source.shape[-1] == 3 or torch.equal(result[..., 3], source[..., 3])


def test_a_soft_edge_mixes_and_the_source_is_not_touched():
    source = picture()
    before = source.clone()
    area = EditArea(source, torch.full((1, 100, 200), 0.25), Crop(0, 0, 200, 100))
    result = paste(torch.ones(1, 100, 200, 3), area)
    torch.testing.assert_close(result, 0.75 * source + 0.25)
    assert torch.equal(source, before)


def test_several_drawn_images_are_pasted_each():
    mask = edit_mask(edited_regions(chain_of(AREA)), 200, 100)
    drawn = torch.stack([torch.full((50, 100, 3), value) for value in (0.1, 0.9)])
    result = paste(drawn, EditArea(picture(), mask, whole(mask)))
    assert result.shape == (2, 100, 200, 3)
    for image, value in zip(result, (0.1, 0.9), strict=True):
        assert torch.allclose(image[55:70, 55:90], torch.tensor(value))
    with pytest.raises(GoTError, match="2 drawn images and 3 originals"):
        paste(drawn, EditArea(picture(count=3), mask, whole(mask)))


def test_comfyuis_own_composite_keeps_the_outside_too():
    """Without a crop and for one image, Image Composite Masked does the same."""
    source = picture()
    mask, _, _, area = GoTEditMask.execute(chain_of(AREA, source)).result
    drawn = picture(100, 200, 1, 3).flip(1)
    core = ImageCompositeMasked.execute(source, drawn, 0, 0, True, mask).result[0]
    torch.testing.assert_close(core, paste(drawn, area))
    assert torch.equal(core[(mask == 0)], source[(mask == 0)])


def test_a_scaled_image_has_the_shape_of_the_part():
    image, mask = scaled(picture(), torch.ones(1, 100, 200), 0.5)
    assert image.shape == (1, 496, 992, 3) and mask.shape == (1, 496, 992)
    assert scaled(image, mask, 0)[0] is image and image.min() >= 0 and image.max() <= 1


# ------------------------------------------------------------------------------------------------------ bad inputs


def test_what_is_missing_is_named():
    with pytest.raises(GoTError, match="has no image to edit"):
        GoTEditMask.execute(read_chain(AREA))
    with pytest.raises(ChainError, match="no box"):
        GoTEditMask.execute(chain_of("Make it blue."))
    with pytest.raises(GoTError, match="has the shape"):
        GoTPasteEdit.execute(torch.zeros(4, 4), EditArea(picture(), torch.ones(1, 100, 200), Crop(0, 0, 200, 100)))


def test_a_chain_without_a_prompt_gives_its_prose():
    *_, instruction, _ = GoTEditMask.execute(read_chain("Turn the cup (1,1),(9,9) blue"), picture()).result
    assert instruction == "Turn the cup blue"


# ------------------------------------------------------------------------------------------- what others may link


@pytest.mark.parametrize("channels", [1, 2])
def test_a_gray_drawing_fills_all_colors(channels):
    area = EditArea(picture(8, 8), torch.ones(1, 8, 8), Crop(0, 0, 8, 8))
    assert (paste(torch.full((1, 8, 8, channels), 0.5), area) == 0.5).all()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("grow", -50),
        ("feather", -1),
        ("margin", -300),
        ("megapixels", -1),
        ("megapixels", float("nan")),
        ("grow", 9999),
    ],
)
def test_a_linked_number_out_of_range_is_refused(name, value):
    with pytest.raises(GoTError, match=rf"The input '{name}' is .* must be from 0 to "):
        GoTEditMask.execute(chain_of(AREA), crop=True, **{name: value})


def test_a_resized_mask_stays_in_range():
    mask = edit_mask(edited_regions(chain_of(AREA)), 200, 100, 8, 8)
    for megapixels in (0.01, 0.013, 0.05):
        part = scaled(picture(), mask, megapixels)[1]
        assert part.min() >= 0 and part.max() <= 1
