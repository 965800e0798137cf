"""Nodes that convert and draw chains. No network runs in them."""

import asyncio

from comfy_api.latest import io, ui

from ..got_models.chain.boxes import bounding_boxes, check_regions, elements, text_of_boxes
from ..got_models.chain.forms.plan import ORDERS, UNITS
from ..got_models.chain.forms.reader import beginning, note_of, read_plan
from ..got_models.chain.forms.writing import FORMS, cited_prose, write_plan
from ..got_models.chain.grammar import EDIT, TEXT_TO_IMAGE, ChainError, guiding, read_chain
from ..got_models.comfy.notes import check_stop, show_note, unused
from ..got_models.guidance.canvas import region_masks
from ..got_models.guidance.images import thumbnail
from ..got_models.guidance.preview import plan_image
from ..got_models.guidance.sizes import check_size, check_source
from ..got_models.reasoner.prompt import checked_prompt
from .checks import answer_of, check_plan, check_prompt
from .types import CHANGE, GotChain

LONGEST_SHOWN = 2048  # pixels of the preview under the node, which is saved as a file; the output has full size


def _sides(what: str, default: int, more: str = "") -> list[io.Int.Input]:
    """The inputs width and height. what: has this size. more: words after the tooltip."""
    return [
        io.Int.Input(
            side,
            default=default,
            min=64,
            max=8192,
            step=8,
            tooltip=f"{side.capitalize()} of {what} in pixels, 64 to 8192. Default {default}.{more}",
        )
        for side in ("width", "height")
    ]


class GoTChainFromText(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="GoTChainFromText",
            display_name="GoT Chain From Text",
            category=CHANGE,
            description="Reads a chain from text that you or any model wrote: words with boxes in any spelling, or the "
            "JSON and tokens of vision models.",
            search_aliases=["parse chain", "layout", "plan", "region", "JSON to boxes", "Qwen", "Gemini", "LLM"],
            inputs=[
                io.String.Input(
                    "text",
                    multiline=True,
                    tooltip="Phrases with boxes, for example: a red cup (120,400),(380,760) on a table. Coordinates "
                    "go from 0 to 999, from the top left.",
                ),
                io.String.Input(
                    "prompt",
                    multiline=True,
                    tooltip="Caption or instruction that the chain answers, for example: a red cup on a table.",
                ),
                io.Image.Input(
                    "image",
                    optional=True,
                    tooltip="Image to edit. With an image the chain plans an edit, without one a new image.",
                ),
                io.Combo.Input(
                    "order",
                    options=list(ORDERS),
                    default="auto",
                    optional=True,
                    advanced=True,
                    tooltip="Order of a box's four numbers. Default auto: the order of the form that the text is in.",
                ),
                io.Combo.Input(
                    "units",
                    options=list(UNITS),
                    default="auto",
                    optional=True,
                    advanced=True,
                    tooltip="What the numbers count: thousandths or fractions of a side, or pixels. Default auto: the "
                    "units of the form, or else thousandths if all numbers are whole and at most 1000.",
                ),
                io.Int.Input(
                    "width",
                    default=0,
                    min=0,
                    max=16384,
                    optional=True,
                    advanced=True,
                    tooltip="For pixels: width of the image that the model saw, 0 to 16384. Default 0: that of the "
                    "connected image. Qwen2.5-VL counts a width that is a multiple of 28: 1036 for 1024.",
                ),
                io.Int.Input(
                    "height",
                    default=0,
                    min=0,
                    max=16384,
                    optional=True,
                    advanced=True,
                    tooltip="For pixels: height of the image that the model saw, 0 to 16384. Default 0: that of the "
                    "connected image.",
                ),
            ],
            outputs=[
                GotChain.Output(display_name="chain"),
                io.String.Output(display_name="text", tooltip="The chain in GoT's form. Every box has a color."),
            ],
        )

    @classmethod
    async def validate_inputs(cls, text, prompt):
        answer = check_prompt(TEXT_TO_IMAGE, prompt)
        return await asyncio.to_thread(answer_of, check_plan, text) if answer is True else answer

    @classmethod
    def execute(cls, text, prompt, image=None, order="auto", units="auto", width=0, height=0) -> io.NodeOutput:
        task = TEXT_TO_IMAGE if image is None else EDIT
        if image is not None:
            check_source(image)
            width, height = width or image.shape[2], height or image.shape[1]
        prompt = checked_prompt(prompt, task)
        try:
            chain = read_plan(text, order, units, width, height, task, prompt, image)
        except ChainError as error:
            raise ChainError(f"{error} The text begins: {beginning(text)}") from error
        show_note(note_of(chain))
        return io.NodeOutput(chain, chain.text)


class GoTChainFromBoxes(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="GoTChainFromBoxes",
            display_name="GoT Chain From Boxes",
            category=CHANGE,
            description="Makes a chain from labeled boxes, found by a detector or drawn by you.",
            search_aliases=["bbox", "bounding boxes", "detection", "layout", "plan", "region", "SAM", "Florence"],
            is_input_list=True,
            inputs=[
                io.MultiType.Input(
                    "bboxes",
                    [io.BoundingBox, io.Array, io.Custom("BOUNDING_BOXES"), io.Custom("JSON")],
                    tooltip="Boxes in pixels, from a detector, Create Bounding Boxes or GoT Chain To Boxes. Also "
                    "elements, or lists of left, top, right and bottom in pixels.",
                ),
                io.String.Input(
                    "labels",
                    multiline=True,
                    tooltip="What each box holds: one phrase per line, in the order of the boxes. One line alone names "
                    "all boxes without a label. Empty: the labels that the boxes carry.",
                ),
                io.String.Input(
                    "prompt",
                    multiline=True,
                    tooltip="Caption or instruction that the chain answers, for example: a red cup on a table.",
                ),
                *_sides("the image that holds the boxes", 1024, " Not used with an image."),
                io.Image.Input(
                    "image",
                    optional=True,
                    tooltip="Image to edit, which the boxes are in. With an image the chain plans an edit, without "
                    "one a new image.",
                ),
            ],
            outputs=[
                GotChain.Output(display_name="chain"),
                io.String.Output(display_name="text", tooltip="The chain in GoT's form. Every box has a color."),
            ],
        )

    @classmethod
    def validate_inputs(cls, prompt):
        return check_prompt(TEXT_TO_IMAGE, *prompt)

    @classmethod
    def execute(cls, bboxes, labels, prompt, width, height, image=None) -> io.NodeOutput:
        """Every input is a list, because labels may be a list."""
        source, size = None, (width[0], height[0])
        if image is not None:
            source = image[0]
            check_source(source)
            size = source.shape[2], source.shape[1]
        task = TEXT_TO_IMAGE if source is None else EDIT
        text, note = text_of_boxes(bboxes[0] if len(bboxes) == 1 else bboxes, labels, *size)
        chain = read_chain(text, task, checked_prompt(prompt[0], task), source, size=size)
        show_note(note)
        return io.NodeOutput(chain, chain.text)


class GoTChainToText(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="GoTChainToText",
            display_name="GoT Chain To Text",
            category=CHANGE,
            description="Writes a chain in the form that another model reads: FLUX 3, Ideogram, MOSS-Image, RePlan, "
            "JSON, or prose.",
            search_aliases=["FLUX 3 layout", "bounding box prompt", "layout to text", "export plan", "JSON prompt"],
            inputs=[
                GotChain.Input(
                    "chain",
                    tooltip="Chain to write, from Reasoning Chain, GoT Chain Editor or any node that makes one.",
                ),
                io.Combo.Input(
                    "form",
                    options=list(FORMS),
                    default="FLUX 3",
                    tooltip="Form of the text. JSON has boxes from 0 to 1000. Prose says in words where things are, "
                    "such as: on the left. Prose with citations has <obj_1> after its first phrase. Default FLUX 3.",
                ),
                io.Int.Input(
                    "width",
                    default=0,
                    min=0,
                    max=16384,
                    optional=True,
                    tooltip="For MOSS-Image and RePlan: width of the image in pixels, 0 to 16384. Default 0: that of "
                    "the image to edit, or of the request.",
                ),
                io.Int.Input(
                    "height",
                    default=0,
                    min=0,
                    max=16384,
                    optional=True,
                    tooltip="For MOSS-Image and RePlan: height of the image in pixels, 0 to 16384. Default 0: that of "
                    "the image to edit, or of the request.",
                ),
            ],
            outputs=[io.String.Output(display_name="text", tooltip="For the prompt of the other model.")],
        )

    @classmethod
    def execute(cls, chain, form, width=0, height=0) -> io.NodeOutput:
        show_note(unused(chain.regions))
        return io.NodeOutput(write_plan(chain, form, width, height))


class GoTChainToBoxes(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="GoTChainToBoxes",
            display_name="GoT Chain To Boxes",
            category=CHANGE,
            description="Converts a chain's regions for other nodes: boxes in pixels, labels, masks, and elements "
            "for FLUX 3, Ideogram and MOSS-Image.",
            search_aliases=["bbox", "bounding boxes", "region", "mask", "layout", "plan", "elements"],
            inputs=[
                GotChain.Input(
                    "chain",
                    tooltip="Chain to convert, from Reasoning Chain, GoT Chain Editor or any node that makes one.",
                ),
                *_sides("the image", 1024),
            ],
            outputs=[
                io.BoundingBox.Output(
                    display_name="bboxes", tooltip="One box per region, in pixels, for ComfyUI's box nodes."
                ),
                io.String.Output(display_name="labels", is_output_list=True, tooltip="One phrase per region."),
                io.Mask.Output(display_name="masks", tooltip="One mask per region, as a batch."),
                io.Array.Output(
                    display_name="elements",
                    tooltip="For ComfyUI's layout prompts of FLUX 3 and MOSS-Image, and Build JSON Prompt (Ideogram).",
                ),
                io.String.Output(
                    display_name="caption",
                    tooltip="The chain's prose with <obj_1> after its first phrase and so on. For the prompt of "
                    "ComfyUI's layout prompt of FLUX 3.",
                ),
            ],
        )

    @classmethod
    def execute(cls, chain, width, height) -> io.NodeOutput:
        check_size(width, height)
        check_regions(chain)
        show_note(unused(chain.regions))
        regions = guiding(chain).regions
        labels = [region.phrase for region in regions]
        masks = region_masks(regions, width, height)
        boxes = bounding_boxes(chain, width, height)
        return io.NodeOutput(boxes, labels, masks, elements(chain), cited_prose(chain))


class GoTChainPreview(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="GoTChainPreview",
            display_name="GoT Chain Preview",
            category=CHANGE,
            description="Draws a chain's boxes and phrases on an image or on a dark gray canvas.",
            search_aliases=["draw boxes", "show boxes", "bbox", "layout", "plan"],
            is_output_node=True,
            inputs=[
                GotChain.Input("chain", tooltip="Chain to draw."),
                io.Image.Input(
                    "image",
                    optional=True,
                    tooltip="Image to draw on. Default: the source of an edit, else a dark gray canvas.",
                ),
                *_sides("the canvas", 512, " Not used with an image."),
            ],
            outputs=[io.Image.Output(display_name="plan")],
        )

    @classmethod
    def execute(cls, chain, width, height, image=None) -> io.NodeOutput:
        plan = plan_image(chain, chain.source if image is None else image, width, height, check_stop)
        return io.NodeOutput(plan, ui=ui.PreviewImage(thumbnail(plan, LONGEST_SHOWN), cls=cls))


NODES = [GoTChainFromText, GoTChainFromBoxes, GoTChainToText, GoTChainToBoxes, GoTChainPreview]
