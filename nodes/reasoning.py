"""Nodes in which the reasoner writes chains."""

from dataclasses import replace

from comfy_api.latest import io
from comfy_execution.graph_utils import ExecutionBlocker

from ..got_models.chain.boxes import bounding_boxes
from ..got_models.chain.edits import checked_wish, rewriting
from ..got_models.chain.grammar import EDIT, TEXT_TO_IMAGE, Chain, ChainError
from ..got_models.chain.request import Request
from ..got_models.guidance.sizes import automatic_size, check_source
from ..got_models.reasoner.batch import SEEDS, error_message, requests_of, variations_of
from ..got_models.reasoner.prompt import checked_prompt
from ..got_models.reasoner.sampling import Sampling
from .checks import check_prompt
from .types import WRITE, GotChain, GotReasoner

REPETITION_PENALTY = io.Float.Input(
    "repetition_penalty",
    default=1.05,
    min=0.1,
    max=5.0,
    step=0.01,
    tooltip="Penalty for repeated tokens, 0.1 to 5. 1 switches it off. Default 1.05, as GoT was published.",
)
SAMPLING_SETTINGS = [
    io.Float.Input(
        "temperature",
        default=0.7,
        min=0.01,
        max=2.0,
        step=0.01,
        tooltip="Randomness of the choice, 0.01 to 2. Higher values give more varied chains. Default 0.7.",
    ),
    io.Int.Input(
        "top_k",
        default=64,
        min=0,
        max=1000,
        tooltip="Samples from the k likeliest tokens, 0 to 1000. 0 allows all tokens. Default 64.",
    ),
    io.Float.Input(
        "top_p",
        default=0.95,
        min=0.01,
        max=1.0,
        step=0.01,
        tooltip="Samples from the likeliest tokens whose probabilities add up to this, 0.01 to 1. Default 0.95.",
    ),
    io.Float.Input(
        "min_p",
        default=0.05,
        min=0.0,
        max=1.0,
        step=0.01,
        tooltip="Drops tokens below this share of the likeliest token's probability, 0 to 1. Default 0.05.",
    ),
    REPETITION_PENALTY,
    io.Int.Input(
        "seed",
        default=0,
        min=0,
        max=SEEDS - 1,
        control_after_generate=True,
        tooltip="Seed of the random choice. The same seed gives the same chain. Default 0.",
        # When the choice changes, ComfyUI 0.30 removes the widgets with this prefix. Without it the seed's control
        # widget would remain, and the values of a saved workflow would move to the wrong widgets.
        extra_dict={"control_prefix": "sampling_mode."},
    ),
]
VARIATIONS = io.Int.Input(
    "variations", default=4, min=1, max=64, tooltip="Chains per prompt, 1 to 64, with consecutive seeds. Default 4."
)


def sampling_input(*more: io.Input) -> io.Input:
    """The choice between greedy and random decoding. more: further inputs of random decoding."""
    return io.DynamicCombo.Input(
        "sampling_mode",
        display_name="sampling",
        tooltip="Off: always the likeliest token, as GoT was published. On: random choice, so chains differ from "
        "seed to seed. Default off.",
        options=[
            io.DynamicCombo.Option("off", [REPETITION_PENALTY]),
            io.DynamicCombo.Option("on", [*SAMPLING_SETTINGS, *more]),
        ],
    )


SAMPLING = sampling_input()
MAX_LENGTH = io.Int.Input(
    "max_length",
    default=1024,
    min=1,
    max=8192,
    advanced=True,
    tooltip="Most tokens that a chain may have, 1 to 8192. A longer chain is cut and marked as cut. Default 1024.",
)
CONSTRAIN = io.Boolean.Input(
    "constrain",
    default=True,
    advanced=True,
    tooltip="Lets the model write only boxes and colors that can be drawn. Good chains stay the same. Default on.",
)


def chain_outputs(several: bool = False) -> list[io.Output]:
    """The outputs of a node that gives a chain. several: each output is a list."""
    return [
        GotChain.Output(display_name="chain", is_output_list=several),
        io.String.Output(
            display_name="text", tooltip="The chain's text with its boxes and colors.", is_output_list=several
        ),
        io.BoundingBox.Output(
            display_name="bboxes", tooltip="The boxes in pixels, at the model's own size.", is_output_list=several
        ),
    ]


class ReasoningChain(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="ReasoningChain",
            display_name="Reasoning Chain",
            category=WRITE,
            description="Plans an image: the model writes what is where, each object with a box and a color.",
            search_aliases=["GoT", "layout", "plan", "region", "prompt enhance", "chain of thought"],
            hidden=[io.Hidden.unique_id],
            inputs=[
                GotReasoner.Input("reasoner", tooltip="From GoT Loader or GoT Planner Loader."),
                io.String.Input(
                    "prompt",
                    multiline=True,
                    dynamic_prompts=True,
                    tooltip="What the image shows, for example: a red circle left of a blue square.",
                ),
                SAMPLING,
                MAX_LENGTH,
                CONSTRAIN,
                GotChain.Input(
                    "earlier",
                    optional=True,
                    tooltip="Chain to rewrite, from GoT Chain Editor. Its locked regions stay, and the model "
                    "rewrites the rest.",
                ),
                io.String.Input(
                    "wish",
                    multiline=True,
                    placeholder="How to change the earlier chain. Leave empty if there is none.",
                    default="",
                    optional=True,
                    tooltip="How to change the earlier chain, for example: make the dog bigger. Locked regions stay. "
                    "Default: empty.",
                ),
            ],
            outputs=chain_outputs(),
        )

    @classmethod
    def validate_inputs(cls, prompt, *, sampling_mode=None):
        return check_prompt(TEXT_TO_IMAGE, prompt)

    @classmethod
    def execute(cls, reasoner, prompt, sampling_mode, max_length, constrain, earlier=None, wish="") -> io.NodeOutput:
        prompt, wish = checked_prompt(prompt, TEXT_TO_IMAGE), checked_wish(wish, earlier)
        request = Request(TEXT_TO_IMAGE, prompt) if earlier is None else rewriting(earlier, prompt, wish)
        return write(cls, reasoner, request, sampling_mode, max_length, constrain)


class EditChain(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="EditChain",
            display_name="Edit Chain",
            category=WRITE,
            description="Plans an edit: the model looks at an image, finds the object, and writes where and how to "
            "change it.",
            search_aliases=["GoT", "inpaint", "image edit", "plan", "instruct pix2pix", "chain of thought"],
            hidden=[io.Hidden.unique_id],
            inputs=[
                GotReasoner.Input("reasoner", tooltip="From GoT Loader or GoT Planner Loader."),
                io.Image.Input("image", tooltip="Image to edit."),
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
                    "earlier", optional=True, tooltip="Chain of the previous edit, for an edit in several turns."
                ),
            ],
            outputs=chain_outputs(),
        )

    @classmethod
    def validate_inputs(cls, instruction, *, sampling_mode=None):
        return check_prompt(EDIT, instruction)

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
            category=WRITE,
            description="Plans several images or edits in one batch, faster than one by one. The nodes after it run "
            "once for each chain.",
            search_aliases=["GoT", "Reasoning Chain", "Edit Chain", "batch", "prompt list", "seeds", "variations"],
            is_input_list=True,
            hidden=[io.Hidden.unique_id],
            inputs=[
                GotReasoner.Input("reasoner", tooltip="From GoT Loader or GoT Planner Loader."),
                io.String.Input(
                    "prompts",
                    multiline=True,
                    dynamic_prompts=True,
                    tooltip="One prompt per line, or a list of texts. With images: one instruction per line.",
                ),
                sampling_input(VARIATIONS),
                MAX_LENGTH,
                CONSTRAIN,
                io.Image.Input(
                    "images",
                    optional=True,
                    tooltip="Images to edit, as a batch or a list: one for all prompts, or one for each.",
                ),
            ],
            outputs=chain_outputs(several=True),
        )

    @classmethod
    def validate_inputs(cls, prompts, *, sampling_mode=None):
        return check_prompt(TEXT_TO_IMAGE, *prompts)

    @classmethod
    def execute(cls, reasoner, prompts, sampling_mode, max_length, constrain, images=None) -> io.NodeOutput:
        """Every input is a list. Of all but prompts and images only the first entry is used."""
        values = {key: value[0] for key, value in sampling_mode.items()}
        variations = values.pop("variations", 1)
        requests, samplings = variations_of(requests_of(prompts, images), chosen_sampling(values), variations)
        written = reasoner[0].write_all(requests, samplings, max_length[0], constrain[0], cls.hidden.unique_id)
        if all(isinstance(chain, ChainError) for chain in written):
            raise written[0]
        return io.NodeOutput(*list_outputs(reasoner[0], written, requests, samplings))


def write(cls, reasoner, request: Request, sampling_mode: dict, max_length: int, constrain: bool) -> io.NodeOutput:
    """Write one chain and return the node's outputs."""
    sampling = chosen_sampling(sampling_mode)
    chain = reasoner.write(request, sampling, max_length, constrain, cls.hidden.unique_id)
    return io.NodeOutput(*outputs_of(reasoner, chain))


def chosen_sampling(sampling_mode: dict) -> Sampling:
    """The settings of a sampling mode. Off has no temperature, so it is 0: greedy."""
    return Sampling(**{key: value for key, value in sampling_mode.items() if key != "sampling_mode"})


def outputs_of(reasoner, chain: Chain) -> tuple[Chain, str, list]:
    """The outputs of one chain: the chain with its automatic size, its text, its boxes in pixels."""
    size = automatic_size(chain, reasoner.manifest.defaults[chain.task])
    return replace(chain, size=size), chain.text, bounding_boxes(chain, *size)


def list_outputs(reasoner, written: list[Chain | ChainError], requests: list, samplings: list) -> list[list]:
    """The outputs of several chains, one list per output. A chain that failed blocks its place with the reason."""
    rows = []
    for number, (chain, *asked) in enumerate(zip(written, requests, samplings, strict=True), 1):
        if isinstance(chain, ChainError):
            message = error_message(chain, number, len(written), *asked)
            rows.append((ExecutionBlocker(message), ExecutionBlocker(None), ExecutionBlocker(None)))
        else:
            rows.append(outputs_of(reasoner, chain))
    return [list(column) for column in zip(*rows, strict=True)]


NODES = [ReasoningChain, EditChain, GoTSeveralChains]
