"""A chain's plan for other models than GoT's own."""

from comfy_api.latest import io

from ..got_models.comfy.regional import regional_conditioning
from ..got_models.guidance.regional import regional_parts
from .types import CATEGORY, GotChain


class GoTRegionalConditioning(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="GoTRegionalConditioning",
            display_name="GoT Regional Conditioning",
            category=CATEGORY,
            description="A chain's plan for any model: each box is guided by its own phrase, all else by the prompt.",
            search_aliases=["regional prompt", "area composition", "attention couple", "layout to conditioning"],
            inputs=[
                io.Clip.Input(
                    "clip", tooltip="The text encoder of the model that is to draw: SDXL, Flux or any other."
                ),
                GotChain.Input("chain", tooltip="As the reasoner wrote it, or as you changed it."),
                io.Float.Input(
                    "strength",
                    default=0.7,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="How much a box listens to its own phrase. 0: not at all, 1: to nothing else.",
                ),
                io.Combo.Input(
                    "whole",
                    options=["prompt", "chain"],
                    tooltip="The text of the whole picture: the prompt, or the chain's prose, which is longer.",
                ),
                io.String.Input(
                    "style",
                    optional=True,
                    advanced=True,
                    tooltip="Words added to every text, so that they hold in every box: oil painting, soft light.",
                ),
            ],
            outputs=[io.Conditioning.Output(display_name="conditioning", tooltip="For a sampler's positive input.")],
        )

    @classmethod
    def execute(cls, clip, chain, strength, whole, style="") -> io.NodeOutput:
        parts = regional_parts(chain, strength, chain.prompt if whole == "prompt" else "", style)
        return io.NodeOutput(regional_conditioning(clip, parts))


NODES = [GoTRegionalConditioning]
