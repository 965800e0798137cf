"""The pack's own socket types, and the node menu's categories."""

from comfy_api.latest import io

GotReasoner = io.Custom("GOT_REASONER")  # got_models.comfy.reasoner.ManagedReasoner
GotChain = io.Custom("GOT_CHAIN")  # got_models.chain.grammar.Chain
GotGuidance = io.Custom("GOT_GUIDANCE")  # got_models.guidance.formula.Guidance
GotEditArea = io.Custom("GOT_EDIT_AREA")  # got_models.guidance.edit_mask.EditArea

CATEGORY = "GoT"
WRITE, CHANGE, DRAW = (f"{CATEGORY}/{group}" for group in ("write", "change", "draw"))
