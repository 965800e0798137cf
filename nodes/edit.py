"""Nodes between a chain that plans an edit and any model that inpaints or edits. No network runs in them."""

from comfy_api.latest import io

from ..got_models.chain.boxes import check_regions
from ..got_models.chain.forms.moves import edited_regions
from ..got_models.chain.grammar import without_boxes
from ..got_models.comfy.notes import show_note, unused
from ..got_models.errors import GoTError
from ..got_models.guidance.edit_mask import EditArea, crop_around, cropped, edit_mask, paste, scaled, whole
from ..got_models.guidance.images import check_image
from .checks import check_linked
from .types import DRAW, GotChain, GotEditArea

PIXELS = 1024  # the most that a mask grows or falls off


class GoTEditMask(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="GoTEditMask",
            display_name="GoT Edit Mask",
            category=DRAW,
            description="Makes the mask of a planned edit, for any model that inpaints or edits. The image may "
            "change only in and around the planned boxes.",
            search_aliases=["inpaint", "mask from boxes", "crop and stitch", "edit region", "Qwen-Image-Edit"],
            inputs=[
                GotChain.Input("chain", tooltip="Chain of an edit, as the model wrote it or as you changed it."),
                io.Image.Input(
                    "image",
                    optional=True,
                    tooltip="Image to edit, of any size. Default: the image that the chain was written for.",
                ),
                io.Int.Input(
                    "grow",
                    default=8,
                    min=0,
                    max=PIXELS,
                    tooltip=f"Pixels by which each box grows on every side, 0 to {PIXELS}. Default 8.",
                ),
                io.Int.Input(
                    "feather",
                    default=8,
                    min=0,
                    max=PIXELS,
                    tooltip=f"Width of the soft edge outside the grown boxes in pixels, 0 to {PIXELS}. 0 gives a sharp "
                    "edge. Default 8.",
                ),
                io.Boolean.Input(
                    "crop",
                    default=False,
                    tooltip="On: the model draws only the part around the mask, in more detail. Off: the whole image. "
                    "Default off.",
                ),
                io.Int.Input(
                    "margin",
                    default=64,
                    min=0,
                    max=4096,
                    advanced=True,
                    tooltip="With crop on: pixels around the mask that the model sees too, 0 to 4096. Default 64.",
                ),
                io.Float.Input(
                    "megapixels",
                    default=0.0,
                    min=0.0,
                    max=16.0,
                    step=0.01,
                    advanced=True,
                    tooltip="Size at which the model draws, 0 to 16 million pixels. The aspect ratio stays. SDXL draws "
                    "best at 1. Default 0: the size stays too.",
                ),
            ],
            outputs=[
                io.Mask.Output(
                    display_name="mask",
                    tooltip="Mask of the image output: 1 where it may change.",
                ),
                io.Image.Output(display_name="image", tooltip="The image, or its crop, for the model that draws."),
                io.String.Output(display_name="instruction", tooltip="What to change, for the model's prompt."),
                GotEditArea.Output(
                    display_name="area", tooltip="For GoT Paste Edit, which pastes the drawn image into the original."
                ),
            ],
        )

    @classmethod
    def execute(cls, chain, image=None, grow=8, feather=8, crop=False, margin=64, megapixels=0.0) -> io.NodeOutput:
        check_linked(cls, chain=chain, grow=grow, feather=feather, margin=margin, megapixels=megapixels)
        check_regions(chain)
        image = chain.source if image is None else image
        if image is None:
            raise GoTError("The chain has no image to edit. Connect one to 'image', or use a chain from Edit Chain.")
        check_image(image)
        height, width = image.shape[1:3]
        mask = edit_mask(edited_regions(chain), width, height, grow, feather)
        area = EditArea(image, mask, crop_around(mask, margin) if crop else whole(mask))
        shown, part = scaled(cropped(image, area.crop), cropped(mask, area.crop), megapixels)
        show_note(unused(chain.regions))
        return io.NodeOutput(part, shown, chain.prompt.strip() or without_boxes(chain), area)


class GoTPasteEdit(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="GoTPasteEdit",
            display_name="GoT Paste Edit",
            category=DRAW,
            description="Pastes the drawn image into the original. Outside the mask the original stays, to the "
            "last bit.",
            search_aliases=["stitch", "composite", "uncrop", "inpaint paste", "keep outside"],
            inputs=[
                io.Image.Input("image", tooltip="Image that the model drew, of any size. It is scaled to its area."),
                GotEditArea.Input("area", tooltip="From GoT Edit Mask."),
            ],
            outputs=[io.Image.Output(display_name="image", tooltip="The edited image, in the original's size.")],
        )

    @classmethod
    def execute(cls, image, area) -> io.NodeOutput:
        check_linked(cls, image=image, area=area)
        return io.NodeOutput(paste(image, area))


NODES = [GoTEditMask, GoTPasteEdit]
