"""The recipe that made GoT-Tiny: a world of colored shapes, and the three networks trained on it."""
