"""The chain editor: it passes the chain on as it came, or as a person changed it in the browser."""

import asyncio

from comfy_api.latest import io, ui
from comfy_execution.graph_utils import ExecutionBlocker
from comfy_execution.utils import get_executing_context

from ..got_models.chain.boxes import bounding_boxes
from ..got_models.chain.edits import made_on, read_edits, with_edits
from ..got_models.chain.grammar import Chain, plain_text
from ..got_models.comfy.loras import check_edits
from ..got_models.comfy.pause import pause_for_edits
from ..got_models.guidance.images import thumbnail
from .checks import answer_of
from .reasoning import chain_outputs
from .types import CHANGE, GotChain

GotChainEdits = io.Custom("GOT_CHAIN_EDITS")  # a widget of web/: JSON text, see got_models/chain/edits.py

OFF, WAIT, STOP = "off", "wait for me", "stop after the plan"
LONGEST_SIDE = 1024  # pixels of the background image
UNKNOWN_SIZE = (1024, 1024)  # pixels, of a chain without a size


class GoTChainEditor(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="GoTChainEditor",
            display_name="GoT Chain Editor",
            category=CHANGE,
            description="Shows a chain on a canvas and as text, and passes on what you change there.",
            search_aliases=["GoT", "draw boxes", "edit boxes", "bbox", "layout", "plan", "region", "canvas"],
            is_output_node=True,  # its ui reaches the browser on every run, also when nothing ran again
            hidden=[io.Hidden.unique_id],
            inputs=[
                GotChain.Input("chain", tooltip="A chain from Reasoning Chain, Edit Chain or any other node."),
                io.Combo.Input(
                    "pause",
                    options=[OFF, WAIT, STOP],
                    default=OFF,
                    tooltip="off: the run does not pause. wait for me: it pauses until you press Resume. "
                    "stop after the plan: it ends at the editor. "
                    "A plan that you resumed or changed does not pause again. Default off.",
                ),
                io.Int.Input(
                    "seconds",
                    default=0,
                    min=0,
                    max=86400,
                    advanced=True,
                    tooltip="How long 'wait for me' pauses before the run resumes with the model's plan, 0 to 86400. "
                    "0 sets no limit. Default 0.",
                ),
                io.Image.Input(
                    "image",
                    optional=True,
                    tooltip="The background of the canvas. Without it, Edit Chain's image is shown.",
                ),
                GotChainEdits.Input(
                    "edits",
                    optional=True,
                    tooltip="Your changes. They are saved with the workflow.",
                    extra_dict={"default": "", "socketless": True},
                ),
            ],
            outputs=[
                *chain_outputs(),
                io.Int.Output(
                    display_name="width",
                    tooltip="Width of the image in pixels: as chosen in the editor, else as the chain has it. "
                    "For Empty Latent Image.",
                ),
                io.Int.Output(display_name="height", tooltip="Height of the image in pixels, chosen in the same way."),
            ],
        )

    @classmethod
    async def validate_inputs(cls, edits=""):
        """Refuse a malformed text and a missing LoRA when the run is queued. The server answers others meanwhile."""
        return await asyncio.to_thread(answer_of, lambda text: check_edits(read_edits(text)), edits)

    @classmethod
    async def execute(cls, chain, pause, seconds, image=None, edits="") -> io.NodeOutput:
        saved = read_edits(edits)
        seen = made_on(saved, chain)
        plan, background = plan_message(chain, image), background_of(chain, image)
        if pause == WAIT and not seen:
            prompt = get_executing_context().prompt_id
            answer = await pause_for_edits(prompt, cls.hidden.unique_id, plan | {"background": background}, seconds)
            saved = saved if answer is None else answer._replace(plan=chain.text)
        final, stopped = with_edits(chain, saved), pause == STOP and not seen
        run = plan | {"ran": plain_text(final.text), "stopped": stopped}
        shown = {"got_plan": [run], "got_background": background}
        if stopped:
            return io.NodeOutput(*[ExecutionBlocker(None)] * 5, ui=shown)
        size = size_of(final, image)
        return io.NodeOutput(final, final.text, bounding_boxes(final, *size), *size, ui=shown)


def plan_message(chain: Chain, image) -> dict:
    """What the browser shows of a chain; width and height in pixels."""
    width, height = size_of(chain, image)
    return {"text": plain_text(chain.text), "width": width, "height": height}


def size_of(chain: Chain, image) -> tuple[int, int]:
    """Width and height, in pixels, that the chain was written for, or else those of the background."""
    background = chain.source if image is None else image
    return chain.size or (UNKNOWN_SIZE if background is None else (background.shape[2], background.shape[1]))


def background_of(chain: Chain, image) -> list[dict]:
    """The background image, saved small as a temporary preview, as ComfyUI names files; [] without one."""
    background = chain.source if image is None else image
    return [] if background is None else ui.PreviewImage(thumbnail(background, LONGEST_SIDE)).values


NODES = [GoTChainEditor]
