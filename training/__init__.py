"""The recipe that made GoT-Tiny: a world of coloured shapes, and the three networks trained on it."""
