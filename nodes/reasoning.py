"""Nodes in which the reasoner writes."""

from dataclasses import replace

from comfy_api.latest import io
from comfy_execution.graph_utils import ExecutionBlocker

from ..got_models.chain.boxes import bounding_boxes
from ..got_models.chain.edits import rewriting
from ..got_models.chain.grammar import EDIT, TEXT_TO_IMAGE, Chain, ChainError
from ..got_models.chain.request import Request
from ..got_models.guidance.sizes import automatic_size, check_source
from ..got_models.reasoner.batch import SEEDS, error_message, requests_of, variations_of
from ..got_models.reasoner.prompt import checked_prompt
from ..got_models.reasoner.sampling import Sampling
from .types import CATEGORY, GotChain, GotReasoner

PENALTY = io.Float.Input(
    "repetition_penalty", default=1.05, min=0.1, max=5.0, step=0.01, tooltip="1 is none; GoT uses 1.05."
)
WHEN_ON = [
    io.Float.Input("temperature", default=0.7, min=0.01, max=2.0, step=0.01, tooltip="Higher is more surprising."),
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
    PENALTY,
    io.Int.Input(
        "seed",
        default=0,
        min=0,
        max=SEEDS - 1,
        control_after_generate=True,
        tooltip="Same seed, same chain.",
        # ComfyUI 0.30 takes away what begins like this when the choice changes; else the widget that chooses the next
        # run's seed stayed behind, and the values of a saved workflow came back in the wrong places.
        extra_dict={"control_prefix": "sampling_mode."},
    ),
]
VARIATIONS = io.Int.Input(
    "variations", default=4, min=1, max=64, tooltip="Chains of each prompt, from seeds that follow each other."
)


def sampling_input(*more: io.Input) -> io.Input:
    """How tokens are chosen. more: what else is to be set when chains differ from seed to seed."""
    return io.DynamicCombo.Input(
        "sampling_mode",
        display_name="sampling",
        tooltip="Off: always the likeliest token, as GoT was published. On: chains differ from seed to seed.",
        options=[io.DynamicCombo.Option("off", [PENALTY]), io.DynamicCombo.Option("on", [*WHEN_ON, *more])],
    )


SAMPLING = sampling_input()
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
    tooltip="Lets the model write only boxes and colors that can be drawn. What is well formed anyway stays the same.",
)


def chain_outputs(several: bool = False) -> list[io.Output]:
    return [
        GotChain.Output(display_name="chain", is_output_list=several),
        io.String.Output(
            display_name="text", tooltip="The chain's text, boxes and colors included.", is_output_list=several
        ),
        io.BoundingBox.Output(
            display_name="bboxes", tooltip="The boxes in pixels of the model's own size.", is_output_list=several
        ),
    ]


class ReasoningChain(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="ReasoningChain",
            display_name="Reasoning Chain",
            category=CATEGORY,
            description="Plans a picture: writes what is where, each thing with its box and color.",
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
        request = Request(TEXT_TO_IMAGE, prompt) if earlier is None else rewriting(earlier, prompt)
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
        request = Request(EDIT, checked_prompt(instruction, EDIT), image, earlier)
        return write(cls, reasoner, request, sampling_mode, max_length, constrain)


class GoTSeveralChains(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="GoTSeveralChains",
            display_name="GoT Several Chains",
            category=CATEGORY,
            description="Plans several pictures or edits at once, of a list of prompts or in variations, in less time "
            "than one by one. What follows runs once for each chain.",
            search_aliases=["GoT", "Reasoning Chain", "Edit Chain", "batch", "prompt list", "seeds", "variations"],
            is_input_list=True,
            hidden=[io.Hidden.unique_id],
            inputs=[
                GotReasoner.Input("reasoner", tooltip="From GoT Loader."),
                io.String.Input(
                    "prompts",
                    multiline=True,
                    dynamic_prompts=True,
                    tooltip="One prompt a line, or a wired list of them. With pictures: what to change in them.",
                ),
                sampling_input(VARIATIONS),
                MAX_LENGTH,
                CONSTRAIN,
                io.Image.Input(
                    "images",
                    optional=True,
                    tooltip="Pictures to change, as a batch or a list: one for all lines, or one for each.",
                ),
            ],
            outputs=chain_outputs(several=True),
        )

    @classmethod
    def execute(cls, reasoner, prompts, sampling_mode, max_length, constrain, images=None) -> io.NodeOutput:
        """Every input is a list; but for prompts and pictures its first entry counts."""
        values = {key: value[0] for key, value in sampling_mode.items()}
        variations = values.pop("variations", 1)
        requests, samplings = variations_of(requests_of(prompts, images), chosen_sampling(values), variations)
        written = reasoner[0].write_all(requests, samplings, max_length[0], constrain[0], cls.hidden.unique_id)
        if all(isinstance(chain, ChainError) for chain in written):
            raise written[0]
        rows = []
        for number, (chain, *asked) in enumerate(zip(written, requests, samplings, strict=True), 1):
            if isinstance(chain, ChainError):
                message = error_message(chain, number, len(written), *asked)
                rows.append((ExecutionBlocker(message), ExecutionBlocker(None), ExecutionBlocker(None)))
            else:
                rows.append(outputs_of(reasoner[0], chain))
        return io.NodeOutput(*map(list, zip(*rows, strict=True)))


def write(cls, reasoner, request: Request, sampling_mode: dict, max_length: int, constrain: bool) -> io.NodeOutput:
    """What the nodes of one chain do."""
    sampling = chosen_sampling(sampling_mode)
    return io.NodeOutput(
        *outputs_of(reasoner, reasoner.write(request, sampling, max_length, constrain, cls.hidden.unique_id))
    )


def chosen_sampling(sampling_mode: dict) -> Sampling:
    """Off is temperature 0."""
    return Sampling(**{key: value for key, value in sampling_mode.items() if key != "sampling_mode"})


def outputs_of(reasoner, chain: Chain) -> tuple[Chain, str, list]:
    """A chain as it goes out, with its boxes in pixels."""
    size = automatic_size(chain, reasoner.manifest.defaults[chain.task])
    return replace(chain, size=size), chain.text, bounding_boxes(chain, *size)


NODES = [ReasoningChain, EditChain, GoTSeveralChains]
