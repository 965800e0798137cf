"""The chain editor: the chain goes through as it came, or as a person changed it in the browser."""

from comfy_api.latest import io, ui
from comfy_execution.graph_utils import ExecutionBlocker
from comfy_execution.utils import get_executing_context

from ..got_models.chain.boxes import bounding_boxes
from ..got_models.chain.edits import made_on, read_edits, with_edits
from ..got_models.chain.grammar import Chain, plain_text
from ..got_models.comfy.pause import wait_for_person
from ..got_models.errors import GoTError
from ..got_models.guidance.images import thumbnail
from .reasoning import chain_outputs
from .types import CATEGORY, GotChain

GotChainEdits = io.Custom("GOT_CHAIN_EDITS")  # a widget of web/: JSON text, see got_models/chain/edits.py

OFF, WAIT, STOP = "off", "wait for me", "stop after the plan"
LONGEST_SIDE = 1024  # pixels of the picture behind the boxes
UNKNOWN_SIZE = (1024, 1024)  # pixels, for a chain that nobody gave a size


class GoTChainEditor(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="GoTChainEditor",
            display_name="GoT Chain Editor",
            category=CATEGORY,
            description="Shows a chain on a canvas and as text. What you change there goes on in its place.",
            search_aliases=["GoT", "edit boxes", "layout editor", "canvas", "regions"],
            is_output_node=True,  # its ui reaches the browser on every run, also when nothing ran again
            hidden=[io.Hidden.unique_id],
            inputs=[
                GotChain.Input("chain", tooltip="From Reasoning Chain, Edit Chain, or any node that makes a chain."),
                io.Combo.Input(
                    "pause",
                    options=[OFF, WAIT, STOP],
                    default=OFF,
                    tooltip="Off: change the plan, run again. Or hold this run until you go on, or end it at the plan. "
                    "A plan that you have already taken on never pauses.",
                ),
                io.Int.Input(
                    "seconds",
                    default=0,
                    min=0,
                    max=86400,
                    advanced=True,
                    tooltip="How long 'wait for me' waits before it goes on with the model's plan; 0 is without end.",
                ),
                io.Image.Input(
                    "image",
                    optional=True,
                    tooltip="The picture behind the boxes. Without it, an edit shows the picture to change.",
                ),
                GotChainEdits.Input(
                    "edits",
                    optional=True,
                    tooltip="What you changed. It is saved with the workflow.",
                    extra_dict={"default": "", "socketless": True},
                ),
            ],
            outputs=chain_outputs(),
        )

    @classmethod
    def validate_inputs(cls, edits=""):
        """Refuse a malformed text when the run is asked for, before anything above is run."""
        try:
            read_edits(edits)
        except GoTError as error:
            return str(error)
        return True

    @classmethod
    async def execute(cls, chain, pause, seconds, image=None, edits="") -> io.NodeOutput:
        saved = read_edits(edits)
        seen = made_on(saved, chain)
        about, background = plan_of(chain, image), behind(chain, image)
        if pause == WAIT and not seen:
            prompt = get_executing_context().prompt_id
            answer = await wait_for_person(prompt, cls.hidden.unique_id, about | {"background": background}, seconds)
            saved = answer and answer._replace(plan=chain.text)
        final, stopped = with_edits(chain, saved), pause == STOP and not seen
        plan = about | {"ran": plain_text(final.text), "stopped": stopped}
        shown = {"got_plan": [plan], "got_background": background}
        if stopped:
            return io.NodeOutput(*[ExecutionBlocker(None)] * 3, ui=shown)
        return io.NodeOutput(final, final.text, bounding_boxes(final, *size_of(chain, image)), ui=shown)


def plan_of(chain: Chain, image) -> dict:
    """What the browser is told of a chain that came; width and height in pixels."""
    width, height = size_of(chain, image)
    return {"text": plain_text(chain.text), "width": width, "height": height}


def size_of(chain: Chain, image) -> tuple[int, int]:
    """Width and height, in pixels, that the chain was written for, or else those of the picture behind it."""
    picture = chain.source if image is None else image
    return chain.size or (UNKNOWN_SIZE if picture is None else (picture.shape[2], picture.shape[1]))


def behind(chain: Chain, image) -> list[dict]:
    """The picture behind the boxes, saved small as a temporary preview, as ComfyUI names files; [] without one."""
    picture = chain.source if image is None else image
    return [] if picture is None else ui.PreviewImage(thumbnail(picture, LONGEST_SIDE)).values


NODES = [GoTChainEditor]
