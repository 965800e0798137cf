"""An image of a chain's plan: plan.py draws it, labels.py its texts, fonts.py finds letters on this system."""

from .plan import plan_image

__all__ = ["plan_image"]
