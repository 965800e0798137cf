"""The node that guides other models by a chain."""

from comfy_api.latest import io

from ..got_models.comfy.regional import regional_conditioning
from ..got_models.guidance.regional import regional_parts
from .types import DRAW, GotChain


class GoTRegionalConditioning(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="GoTRegionalConditioning",
            display_name="GoT Regional Conditioning",
            category=DRAW,
            description="Guides any model by a chain: each box by its own phrase, the rest of the image by the prompt.",
            search_aliases=["regional prompt", "area composition", "attention couple", "layout to conditioning"],
            inputs=[
                io.Clip.Input(
                    "clip", tooltip="Text encoder of the model that draws the image: SDXL, Flux or any other."
                ),
                GotChain.Input("chain", tooltip="Chain to draw, as the reasoner wrote it or as you changed it."),
                io.Float.Input(
                    "strength",
                    default=0.7,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Weight of a box's own phrase inside it, 0 to 1. 0 ignores the phrase, 1 uses nothing "
                    "else. Default 0.7.",
                ),
                io.Combo.Input(
                    "whole",
                    options=["prompt", "chain"],
                    tooltip="Text for the whole image. Prompt: what you typed. Chain: the chain's prose without "
                    "boxes, which is longer. Default prompt.",
                ),
                io.String.Input(
                    "style",
                    optional=True,
                    advanced=True,
                    tooltip="Words added to every text, so that they apply in every box, for example: oil painting, "
                    "soft light.",
                ),
            ],
            outputs=[
                io.Conditioning.Output(display_name="conditioning", tooltip="For the positive input of a sampler.")
            ],
        )

    @classmethod
    def execute(cls, clip, chain, strength, whole, style="") -> io.NodeOutput:
        parts = regional_parts(chain, strength, chain.prompt if whole == "prompt" else "", style)
        return io.NodeOutput(regional_conditioning(clip, parts))


NODES = [GoTRegionalConditioning]
