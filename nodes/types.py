"""The pack's own types on the wires, and what several nodes share."""

from comfy_api.latest import io

GotReasoner = io.Custom("GOT_REASONER")  # got_models.comfy.reasoner.ManagedReasoner
GotChain = io.Custom("GOT_CHAIN")  # got_models.chain.grammar.Chain
GotGuidance = io.Custom("GOT_GUIDANCE")  # got_models.guidance.formula.Guidance

CATEGORY = "GoT"
