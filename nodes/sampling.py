"""Sampling with guidance: guider and noise levels for ComfyUI's samplers, and one node that does both."""

from comfy_api.latest import io

from ..got_models.comfy.guider import (
    REFERENCE_SCHEDULE,
    GoTGuider,
    empty_latent,
    reference_sigmas,
    sample,
    sampler_names,
    scheduler_names,
)
from ..got_models.guidance.formula import Interval, Strengths
from .types import DRAW, GotGuidance

MODEL = io.Model.Input("model", tooltip="The model of GoT Loader. LoRAs and model patches can come between.")
GUIDANCE = GotGuidance.Input("guidance", tooltip="From Semantic-Spatial Guidance.")
STEPS = io.Int.Input(
    "steps",
    default=50,
    min=1,
    max=1000,
    tooltip="Number of steps, 1 to 1000. More steps give finer images and take longer. Default 50.",
)
DENOISE = io.Float.Input(
    "denoise",
    default=1.0,
    min=0.01,
    max=1.0,
    step=0.01,
    advanced=True,
    tooltip="Share of the noise to start from, 0.01 to 1. Lower values keep more of the latent's image. Default 1.",
)
EXTRAS = io.Conditioning.Input(
    "conditioning",
    optional=True,
    tooltip="The guidance's conditioning after ControlNet or similar nodes. What they added applies to all branches.",
)
STRENGTHS = io.DynamicCombo.Input(
    "strengths",
    tooltip="Automatic: the model's own values for new images or for edits. Custom: your own. Default automatic.",
    options=[
        io.DynamicCombo.Option("automatic", []),
        io.DynamicCombo.Option(
            "custom",
            [
                io.Float.Input(
                    "text_strength",
                    default=7.5,
                    min=0.0,
                    max=30.0,
                    step=0.1,
                    tooltip="Strength of the text, 0 to 30. Default 7.5. GoT uses 4 for edits.",
                ),
                io.Float.Input(
                    "spatial_strength",
                    default=4.0,
                    min=0.0,
                    max=30.0,
                    step=0.1,
                    tooltip="Strength of the boxes, 0 to 30. Default 4. GoT uses 3 for edits.",
                ),
                io.Float.Input(
                    "reference_strength",
                    default=1.0,
                    min=0.0,
                    max=30.0,
                    step=0.1,
                    tooltip="Strength of the image to edit, 0 to 30. Default 1. GoT uses 1.5 for edits.",
                ),
            ],
        ),
    ],
)
INTERVAL = [
    io.Float.Input(
        f"guidance_{name}",
        default=default,
        min=0.0,
        max=1.0,
        step=0.01,
        optional=True,
        advanced=True,
        tooltip=f"Share of the sampling at which guidance {name}s, 0 to 1. Default {default:g}. "
        "Steps without guidance take a third of the time.",
    )
    for name, default in (("start", 0.0), ("end", 1.0))
]


def chosen_strengths(strengths: dict, guidance) -> Strengths:
    """The custom strengths, or the model's own for the guidance's task."""
    if strengths["strengths"] == "custom":
        return Strengths(*(strengths[f"{name}_strength"] for name in Strengths._fields))
    return Strengths(*(getattr(guidance.defaults, name) for name in Strengths._fields))


class GoTGuiderNode(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="GoTGuider",
            display_name="GoT Guider",
            category=DRAW,
            description="Guides ComfyUI's own samplers by a chain. Wire it into SamplerCustomAdvanced.",
            search_aliases=["GoT", "guidance scale", "cfg"],
            inputs=[MODEL, GUIDANCE, STRENGTHS, EXTRAS, *INTERVAL],
            outputs=[io.Guider.Output()],
        )

    @classmethod
    def execute(
        cls, model, guidance, strengths, conditioning=None, guidance_start=0.0, guidance_end=1.0
    ) -> io.NodeOutput:
        interval = Interval(guidance_start, guidance_end)
        return io.NodeOutput(GoTGuider(model, guidance, chosen_strengths(strengths, guidance), conditioning, interval))


class GoTScheduler(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="GoTScheduler",
            display_name="GoT Scheduler",
            category=DRAW,
            description="The noise levels that GoT was published with (leading spacing), for any number of steps.",
            search_aliases=["sigmas", "leading"],
            inputs=[MODEL, STEPS, DENOISE],
            outputs=[io.Sigmas.Output()],
        )

    @classmethod
    def execute(cls, model, steps, denoise) -> io.NodeOutput:
        return io.NodeOutput(reference_sigmas(model, steps, denoise))


class GoTSampler(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="GoTSampler",
            display_name="GoT Sampler",
            category=DRAW,
            description="Draws the image that a chain plans.",
            search_aliases=["GoT", "KSampler"],
            inputs=[
                MODEL,
                GUIDANCE,
                io.Int.Input(
                    "seed",
                    default=0,
                    min=0,
                    max=0xFFFFFFFFFFFFFFFF,
                    control_after_generate=True,
                    tooltip="Seed of the noise. The same seed gives the same image. Default 0.",
                ),
                STEPS,
                io.Combo.Input(
                    "sampler_name",
                    options=sampler_names(),
                    default="ddpm",
                    tooltip="Sampling method. Default ddpm, as GoT was published.",
                ),
                io.Combo.Input(
                    "scheduler",
                    options=scheduler_names(),
                    default=REFERENCE_SCHEDULE,
                    tooltip="Spacing of the noise levels. Default got, as GoT was published.",
                ),
                STRENGTHS,
                DENOISE,
                io.Int.Input(
                    "batch_size",
                    default=1,
                    min=1,
                    max=64,
                    tooltip="Number of images, 1 to 64. Default 1. Not used with a latent.",
                ),
                io.Latent.Input(
                    "latent",
                    optional=True,
                    tooltip="Latent to start from: a batch, an image to change, or one with a mask. Default: empty.",
                ),
                EXTRAS,
                *INTERVAL,
            ],
            outputs=[io.Latent.Output()],
        )

    @classmethod
    def execute(
        cls,
        model,
        guidance,
        seed,
        steps,
        sampler_name,
        scheduler,
        strengths,
        denoise,
        batch_size,
        latent=None,
        conditioning=None,
        guidance_start=0.0,
        guidance_end=1.0,
    ) -> io.NodeOutput:
        interval = Interval(guidance_start, guidance_end)
        guider = GoTGuider(model, guidance, chosen_strengths(strengths, guidance), conditioning, interval)
        latent = empty_latent(guidance, batch_size) if latent is None else latent
        return io.NodeOutput(sample(guider, latent, seed, steps, sampler_name, scheduler, denoise))


NODES = [GoTGuiderNode, GoTScheduler, GoTSampler]
