"""Drawing with guidance: the guider and the noise levels for ComfyUI's own samplers, and a node that does it all."""

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
from .types import CATEGORY, GotGuidance

MODEL = io.Model.Input("model", tooltip="The model of GoT Loader; LoRAs and patches may stand in between.")
GUIDANCE = GotGuidance.Input("guidance", tooltip="From Semantic-Spatial Guidance.")
STEPS = io.Int.Input("steps", default=50, min=1, max=1000, tooltip="More steps, finer pictures, more time.")
DENOISE = io.Float.Input(
    "denoise",
    default=1.0,
    min=0.01,
    max=1.0,
    step=0.01,
    advanced=True,
    tooltip="Below 1 it starts from the latent's picture, less changed the lower it is.",
)
EXTRAS = io.Conditioning.Input(
    "conditioning",
    optional=True,
    tooltip="Guidance's conditioning after ControlNet and similar nodes: what they added goes to all branches.",
)
STRENGTHS = io.DynamicCombo.Input(
    "strengths",
    tooltip="Automatic: what the model works best with, for pictures or for edits. Custom: your own.",
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
                    tooltip="How strongly the words guide. GoT: 7.5, edits 4.",
                ),
                io.Float.Input(
                    "spatial_strength",
                    default=4.0,
                    min=0.0,
                    max=30.0,
                    step=0.1,
                    tooltip="How strongly the boxes guide. GoT: 4, edits 3.",
                ),
                io.Float.Input(
                    "reference_strength",
                    default=1.0,
                    min=0.0,
                    max=30.0,
                    step=0.1,
                    tooltip="How strongly the source picture guides. GoT: 1, edits 1.5.",
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
        tooltip=f"{text}, as a share of the sampling; {off} is off. Unguided steps take a third of the time.",
    )
    for name, default, text, off in [
        ("start", 0.0, "Where the strengths begin to apply", 0),
        ("end", 1.0, "Where the strengths cease to apply", 1),
    ]
]


def chosen_strengths(strengths: dict, guidance) -> Strengths:
    """The strengths a person set, or those of the guidance's task."""
    if strengths["strengths"] == "custom":
        return Strengths(*(strengths[f"{name}_strength"] for name in Strengths._fields))
    return Strengths(*(getattr(guidance.defaults, name) for name in Strengths._fields))


class GoTGuiderNode(io.ComfyNode):
    @classmethod
    def define_schema(cls):
        return io.Schema(
            node_id="GoTGuider",
            display_name="GoT Guider",
            category=CATEGORY,
            description="Guides any of ComfyUI's samplers by a chain; for Sampler Custom (Advanced).",
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
            category=CATEGORY,
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
            category=CATEGORY,
            description="Draws the picture that a chain plans.",
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
                    tooltip="Same seed, same picture.",
                ),
                STEPS,
                io.Combo.Input(
                    "sampler_name",
                    options=sampler_names(),
                    default="ddpm",
                    tooltip="GoT was published with ddpm.",
                ),
                io.Combo.Input(
                    "scheduler",
                    options=scheduler_names(),
                    default=REFERENCE_SCHEDULE,
                    tooltip="'got' spaces the noise levels as published.",
                ),
                STRENGTHS,
                DENOISE,
                io.Int.Input(
                    "batch_size", default=1, min=1, max=64, tooltip="How many pictures, if no latent is wired."
                ),
                io.Latent.Input(
                    "latent", optional=True, tooltip="Where to start: a batch, a picture to change, or a masked one."
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
