"""The parts of `python dev.py convert`: reading the released layout, merging it, writing it as a model folder."""
