"""The nodes that guide other models by a chain."""

from comfy_api.latest import io

from ..got_models.comfy.notes import all_off, show_note, unused
from ..got_models.comfy.regional import regional_conditioning
from ..got_models.comfy.regional_attention import regional_attention
from ..got_models.guidance.regional import regional_parts
from .checks import check_linked
from .types import DRAW, GotChain

CHAIN = GotChain.Input("chain", tooltip="Chain to draw, as the reasoner wrote it or as you changed it.")
STRENGTH = io.Float.Input(
    "strength",
    default=0.7,
    min=0.0,
    max=1.0,
    step=0.01,
    tooltip="Weight of a box's own phrase inside it, 0 to 1. 0 ignores the phrase, 1 uses nothing else. Default 0.7.",
)
WHOLE = io.Combo.Input(
    "whole",
    options=["prompt", "chain"],
    tooltip="Text for the whole image. Prompt: what you typed. Chain: the chain's prose without boxes, which is "
    "longer. Default prompt.",
)
STYLE = io.String.Input(
    "style",
    optional=True,
    advanced=True,
    tooltip="Words added to every text, so that they apply in every box, for example: oil painting, soft light. "
    "Default: empty.",
)


def _percent(name: str, default: float, effect: str) -> io.Float.Input:
    return io.Float.Input(
        name,
        default=default,
        min=0.0,
        max=1.0,
        step=0.001,
        optional=True,
        advanced=True,
        tooltip=f"Share of the sampling at which the boxes' effect {name}s, 0 to 1. {effect} Default {default:g}.",
    )


class GoTRegionalConditioning(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="GoTRegionalConditioning",
            display_name="GoT Regional Conditioning",
            category=DRAW,
            description="Guides any model by a chain: each box by its own phrase, the rest of the image by the prompt.",
            search_aliases=[
                "region",
                "regional prompt",
                "mask",
                "area composition",
                "attention couple",
                "layout to conditioning",
            ],
            inputs=[
                io.Clip.Input(
                    "clip", tooltip="Text encoder of the model that draws the image: SDXL, Flux or any other."
                ),
                CHAIN,
                STRENGTH,
                WHOLE,
                STYLE,
            ],
            outputs=[
                io.Conditioning.Output(display_name="conditioning", tooltip="For the positive input of a sampler.")
            ],
        )

    @classmethod
    def execute(cls, clip, chain, strength, whole, style="") -> io.NodeOutput:
        check_linked(cls, chain=chain, strength=strength)
        conditioning = regional_conditioning(clip, _parts(chain, strength, whole, style))
        show_note(all_off(chain.regions))
        return io.NodeOutput(conditioning)


class GoTRegionalAttention(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="GoTRegionalAttention",
            display_name="GoT Regional Attention",
            category=DRAW,
            description="Guides SD 1.5, SDXL, Flux, Qwen-Image and SD 3 by a chain, with one prediction per step. "
            "Each box is guided by its own phrase, the rest of the image by the prompt.",
            search_aliases=["region", "regional prompt", "attention couple", "mask", "area composition"],
            inputs=[
                io.Model.Input(
                    "model",
                    tooltip="Model that draws the image. LoRAs and other patches can come before or after this node.",
                ),
                io.Clip.Input("clip", tooltip="Text encoder of the same model."),
                CHAIN,
                STRENGTH,
                WHOLE,
                STYLE,
                _percent("start", 0.0, "Later values leave the layout to the prompt."),
                _percent("end", 1.0, "Earlier values leave the details to the prompt."),
            ],
            outputs=[
                io.Model.Output(display_name="model", tooltip="For the sampler, together with this conditioning."),
                io.Conditioning.Output(
                    display_name="conditioning",
                    tooltip="For the positive input of a sampler that has this node's model. Other models refuse it.",
                ),
            ],
        )

    @classmethod
    def execute(cls, model, clip, chain, strength, whole, style="", start=0.0, end=1.0) -> io.NodeOutput:
        check_linked(cls, model=model, chain=chain, strength=strength, start=start, end=end)
        guidance = regional_attention(model, clip, _parts(chain, strength, whole, style), start, end)
        show_note(all_off(chain.regions) or unused(chain.regions, ["lora"]))
        return io.NodeOutput(*guidance)


def _parts(chain, strength, whole, style):
    return regional_parts(chain, strength, chain.prompt if whole == "prompt" else "", style or "")


NODES = [GoTRegionalConditioning, GoTRegionalAttention]
