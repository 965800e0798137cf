"""On a running ComfyUI: an edit's mask, a drawn image from core's nodes, and the paste back into the original."""

import numpy as np
import pytest
from got.tests.integration.graphs import pixels
from got.tools.graphs import node

MOVE = "A cup (100,100),(299,399) (red) moves to its new place (600,500),(799,799) (blue)."
SIZE = {"width": 300, "height": 204, "batch_size": 2}


def editing(**mask) -> dict:
    """The original is 0x336699 everywhere; what is drawn is its inverse."""
    return {
        "image": node("EmptyImage", color=0x336699, **SIZE),
        "first": node("ImageFromBatch", image=["image", 0], batch_index=0, length=1),
        "chain": node("GoTChainFromText", text=MOVE, prompt="move the cup", image=["first", 0]),
        "mask": node("GoTEditMask", chain=["chain", 0], image=["image", 0], grow=3, feather=5, **mask),
        "drawn": node("ImageInvert", image=["mask", 1]),
        "paste": node("GoTPasteEdit", image=["drawn", 0], area=["mask", 3]),
        "save": node("SaveImage", images=["paste", 0], filename_prefix="edit"),
        "asked": node("PreviewAny", source=["mask", 2]),
        "shown": node("MaskPreview", mask=["mask", 0]),
    }


@pytest.mark.parametrize("mask", [{}, {"crop": True, "margin": 20, "megapixels": 0.25}])
def test_an_edit_is_drawn_in_its_area_and_nowhere_else(client, mask):
    run = client.run(editing(**({"crop": False, "margin": 64, "megapixels": 0.0} | mask)))
    assert run.status == "success", run.message
    assert run.text("asked") == "move the cup"
    images = run.images("save")
    assert len(images) == 2
    for image in images:
        found = pixels(client, image)
        assert found.shape == (204, 300, 3)
        inside = np.zeros((204, 300), dtype=bool)
        reach = inside.copy()
        for left, top, right, bottom in ((30, 20, 89, 81), (180, 102, 239, 162)):
            inside[top : bottom + 1, left : right + 1] = True
            reach[top - 8 : bottom + 9, left - 8 : right + 9] = True
        assert (found[~reach] == [0x33, 0x66, 0x99]).all()
        assert (abs(found[inside].astype(int) - [0xCC, 0x99, 0x66]) <= 1).all()  # SaveImage rounds down
