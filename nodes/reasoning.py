"""Nodes in which the reasoner writes."""

from dataclasses import replace

from comfy_api.latest import io

from ..got_models.boxes import bounding_boxes
from ..got_models.chain import EDIT, TEXT_TO_IMAGE, Chain
from ..got_models.decoding import Sampling
from ..got_models.editing import rewriting
from ..got_models.guidance import automatic_size, check_source
from ..got_models.prompt import checked_prompt
from .types import CATEGORY, GotChain, GotReasoner

SEED = io.Int.Input(
    "seed", default=0, min=0, max=0xFFFFFFFFFFFFFFFF, control_after_generate=True, tooltip="Same seed, same chain."
)

SAMPLING = io.DynamicCombo.Input(
    "sampling_mode",
    display_name="sampling",
    tooltip="Off: always the likeliest token, as GoT was published. On: chains differ from seed to seed.",
    options=[
        io.DynamicCombo.Option(
            "off",
            [
                io.Float.Input(
                    "repetition_penalty", default=1.05, min=0.1, max=5.0, step=0.01, tooltip="1 is none; GoT uses 1.05."
                )
            ],
        ),
        io.DynamicCombo.Option(
            "on",
            [
                io.Float.Input(
                    "temperature", default=0.7, min=0.01, max=2.0, step=0.01, tooltip="Higher is more surprising."
                ),
                io.Int.Input("top_k", default=64, min=0, max=1000, tooltip="Only the k likeliest tokens; 0 is all."),
                io.Float.Input(
                    "top_p", default=0.95, min=0.01, max=1.0, step=0.01, tooltip="Only the likeliest, up to this share."
                ),
                io.Float.Input(
                    "min_p",
                    default=0.05,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Only tokens this likely against the likeliest.",
                ),
                io.Float.Input(
                    "repetition_penalty", default=1.05, min=0.1, max=5.0, step=0.01, tooltip="1 is none; GoT uses 1.05."
                ),
                SEED,
            ],
        ),
    ],
)
MAX_LENGTH = io.Int.Input(
    "max_length",
    default=1024,
    min=1,
    max=8192,
    advanced=True,
    tooltip="Most tokens a chain may have. One that is not finished by then is marked as cut.",
)
CONSTRAIN = io.Boolean.Input(
    "constrain",
    default=True,
    advanced=True,
    tooltip="Lets the model write only boxes and colours that can be drawn. What is well formed anyway stays the same.",
)


def chain_outputs() -> list[io.Output]:
    return [
        GotChain.Output(display_name="chain"),
        io.String.Output(display_name="text", tooltip="The chain's text, boxes and colours included."),
        io.BoundingBox.Output(display_name="bboxes", tooltip="The boxes in pixels of the model's own size."),
    ]


class ReasoningChain(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="ReasoningChain",
            display_name="Reasoning Chain",
            category=CATEGORY,
            description="Plans a picture: writes what is where, each thing with its box and colour.",
            search_aliases=["GoT", "layout", "plan", "prompt enhance", "chain of thought"],
            hidden=[io.Hidden.unique_id],
            inputs=[
                GotReasoner.Input("reasoner", tooltip="From GoT Loader."),
                io.String.Input(
                    "prompt",
                    multiline=True,
                    dynamic_prompts=True,
                    tooltip="What the picture shows, for example: a red circle left of a blue square.",
                ),
                SAMPLING,
                MAX_LENGTH,
                CONSTRAIN,
                GotChain.Input(
                    "earlier",
                    optional=True,
                    tooltip="A chain to write anew, from GoT Chain Editor: locked regions stay, the rest is rewritten.",
                ),
            ],
            outputs=chain_outputs(),
        )

    @classmethod
    def execute(cls, reasoner, prompt, sampling_mode, max_length, constrain, earlier=None) -> io.NodeOutput:
        prompt = checked_prompt(prompt, TEXT_TO_IMAGE)
        request = Chain(TEXT_TO_IMAGE, prompt, "", ()) if earlier is None else rewriting(earlier, prompt)
        return write(cls, reasoner, request, sampling_mode, max_length, constrain)


class EditChain(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="EditChain",
            display_name="Edit Chain",
            category=CATEGORY,
            description="Plans an edit: looks at a picture, finds what is meant, and says where and how to change it.",
            search_aliases=["GoT", "image edit", "instruct pix2pix", "chain of thought"],
            hidden=[io.Hidden.unique_id],
            inputs=[
                GotReasoner.Input("reasoner", tooltip="From GoT Loader."),
                io.Image.Input("image", tooltip="The picture to change."),
                io.String.Input(
                    "instruction",
                    multiline=True,
                    dynamic_prompts=True,
                    tooltip="What to change, for example: make the red circle blue.",
                ),
                SAMPLING,
                MAX_LENGTH,
                CONSTRAIN,
                GotChain.Input(
                    "earlier", optional=True, tooltip="The chain of the edit before this one, for several turns."
                ),
            ],
            outputs=chain_outputs(),
        )

    @classmethod
    def execute(cls, reasoner, image, instruction, sampling_mode, max_length, constrain, earlier=None) -> io.NodeOutput:
        check_source(image)
        request = Chain(EDIT, checked_prompt(instruction, EDIT), "", (), source=image, earlier=earlier)
        return write(cls, reasoner, request, sampling_mode, max_length, constrain)


def write(cls, reasoner, request: Chain, sampling_mode: dict, max_length: int, constrain: bool) -> io.NodeOutput:
    """What both nodes do: sampling off is temperature 0; the boxes go out in pixels."""
    values = {key: value for key, value in sampling_mode.items() if key != "sampling_mode"}
    sampling = Sampling(**values)
    chain = reasoner.write(request, sampling, max_length, constrain, cls.hidden.unique_id)
    size = automatic_size(chain, reasoner.manifest.defaults[chain.task])
    return io.NodeOutput(replace(chain, size=size), chain.text, bounding_boxes(chain, *size))


NODES = [ReasoningChain, EditChain]
