"""Nodes on chains alone: from text, to boxes, to a picture of the plan. No network runs in them."""

from comfy_api.latest import io, ui

from ..got_models.chain.boxes import bounding_boxes, check_regions, elements, text_of_boxes
from ..got_models.chain.grammar import EDIT, TEXT_TO_IMAGE, read_chain
from ..got_models.guidance.canvas import region_masks
from ..got_models.guidance.preview import plan_image
from ..got_models.guidance.sizes import check_size, check_source
from ..got_models.reasoner.prompt import checked_prompt
from .types import CATEGORY, GotChain


class GoTChainFromText(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="GoTChainFromText",
            display_name="GoT Chain From Text",
            category=CATEGORY,
            description="Reads a chain that you or any model wrote: GoT's form, GoT-R1's, or plain text with boxes.",
            search_aliases=["parse chain", "layout from text", "regions"],
            inputs=[
                io.String.Input(
                    "text",
                    multiline=True,
                    tooltip="Words with boxes, 0 to 999 across and down: a red cup (120,400),(380,760) on a table.",
                ),
                io.String.Input(
                    "prompt",
                    multiline=True,
                    tooltip="The caption or instruction that the chain answers, for example: a red cup on a table.",
                ),
                io.Image.Input(
                    "image", optional=True, tooltip="The picture to change. With it, the chain is an edit's."
                ),
            ],
            outputs=[
                GotChain.Output(display_name="chain"),
                io.String.Output(display_name="text", tooltip="The chain in GoT's form, every box with its color."),
            ],
        )

    @classmethod
    def execute(cls, text, prompt, image=None) -> io.NodeOutput:
        task = TEXT_TO_IMAGE if image is None else EDIT
        if image is not None:
            check_source(image)
        chain = read_chain(text, task, checked_prompt(prompt, task), image)
        return io.NodeOutput(chain, chain.text)


class GoTChainFromBoxes(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="GoTChainFromBoxes",
            display_name="GoT Chain From Boxes",
            category=CATEGORY,
            description="Makes a chain of boxes that a detector found or that you drew, each with its label.",
            search_aliases=["bounding boxes", "detection", "layout from boxes", "SAM", "Florence"],
            is_input_list=True,
            inputs=[
                io.BoundingBox.Input(
                    "bboxes",
                    force_input=True,
                    tooltip="In pixels: of a detector, of Create Bounding Boxes, or of GoT Chain To Boxes.",
                ),
                io.String.Input(
                    "labels",
                    multiline=True,
                    tooltip="What each box holds, one a line, in the boxes' order: a red cup. Empty: what the boxes "
                    "say of themselves.",
                ),
                io.String.Input(
                    "prompt",
                    multiline=True,
                    tooltip="The caption or instruction that the chain answers, for example: a red cup on a table.",
                ),
                io.Int.Input("width", default=1024, min=64, max=8192, step=8, tooltip="Pixels, if no image is wired."),
                io.Int.Input("height", default=1024, min=64, max=8192, step=8, tooltip="Pixels, if no image is wired."),
                io.Image.Input(
                    "image",
                    optional=True,
                    tooltip="The picture to change, which the boxes are of. With it, the chain is an edit's.",
                ),
            ],
            outputs=[
                GotChain.Output(display_name="chain"),
                io.String.Output(display_name="text", tooltip="The chain in GoT's form, every box with its color."),
            ],
        )

    @classmethod
    def execute(cls, bboxes, labels, prompt, width, height, image=None) -> io.NodeOutput:
        """Every input is a list, so that the labels may come as one."""
        source, size = None, (width[0], height[0])
        if image is not None:
            source = image[0]
            check_source(source)
            size = source.shape[2], source.shape[1]
        task = TEXT_TO_IMAGE if source is None else EDIT
        text = text_of_boxes(bboxes[0] if len(bboxes) == 1 else bboxes, labels, *size)
        chain = read_chain(text, task, checked_prompt(prompt[0], task), source, size=size)
        return io.NodeOutput(chain, chain.text)


class GoTChainToBoxes(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="GoTChainToBoxes",
            display_name="GoT Chain To Boxes",
            category=CATEGORY,
            description="Gives a chain's regions to other nodes: pixel boxes, labels, masks, and Ideogram's elements.",
            search_aliases=["bounding boxes", "regions", "masks", "elements"],
            inputs=[
                GotChain.Input("chain", tooltip="From Reasoning Chain, Edit Chain or GoT Chain From Text."),
                io.Int.Input(
                    "width", default=1024, min=64, max=8192, step=8, tooltip="Width of the picture in pixels."
                ),
                io.Int.Input(
                    "height", default=1024, min=64, max=8192, step=8, tooltip="Height of the picture in pixels."
                ),
            ],
            outputs=[
                io.BoundingBox.Output(display_name="bboxes", tooltip="In pixels, as core's box nodes take them."),
                io.String.Output(display_name="labels", is_output_list=True, tooltip="The phrase of each region."),
                io.Mask.Output(display_name="masks", tooltip="One mask a region, as a batch."),
                io.Array.Output(display_name="elements", tooltip="For Build JSON Prompt (Ideogram)."),
            ],
        )

    @classmethod
    def execute(cls, chain, width, height) -> io.NodeOutput:
        check_size(width, height)
        check_regions(chain)
        labels = [region.phrase for region in chain.regions]
        masks = region_masks(chain.regions, width, height)
        return io.NodeOutput(bounding_boxes(chain, width, height), labels, masks, elements(chain))


class GoTChainPreview(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="GoTChainPreview",
            display_name="GoT Chain Preview",
            category=CATEGORY,
            description="Draws a chain's boxes, with their phrases, on a picture or on dark gray.",
            search_aliases=["show boxes", "draw layout"],
            is_output_node=True,
            inputs=[
                GotChain.Input("chain", tooltip="The chain to draw."),
                io.Image.Input(
                    "image", optional=True, tooltip="What to draw on: the source of an edit, or the finished picture."
                ),
                io.Int.Input("width", default=512, min=64, max=8192, step=8, tooltip="Pixels, if no image is wired."),
                io.Int.Input("height", default=512, min=64, max=8192, step=8, tooltip="Pixels, if no image is wired."),
            ],
            outputs=[io.Image.Output(display_name="plan")],
        )

    @classmethod
    def execute(cls, chain, width, height, image=None) -> io.NodeOutput:
        plan = plan_image(chain, chain.source if image is None else image, width, height)
        return io.NodeOutput(plan, ui=ui.PreviewImage(plan, cls=cls))


NODES = [GoTChainFromText, GoTChainFromBoxes, GoTChainToBoxes, GoTChainPreview]
