"""Training any GoT as one model: chain and image together, on Hugging Face accelerate and datasets.

    config.py      the configuration of a run, read from training/configs
    examples.py    the row format: from a row of a file to an example, or to the reason why not
    published.py   rows of the published GoT sets in that format; worlds.py rows of the synthetic world
    sources.py     mixtures of endless sources, in an order that follows from the seed
    steps.py       the batches of each step, made ahead by worker processes; report.py counts broken rows
    batches.py     from examples to tensors, and every random draw
    start.py       a model folder to start from, made of the base folders
    networks.py    a model folder as networks to train
    objective.py   the joint objective
    loop.py        the run, with checkpoints.py, journal.py, samples.py
    export.py      the trained networks as a model folder
    memory.py      the memory that a run of the real size needs

Start at `python dev.py train --help`. Source: arXiv 2503.10639 sections 4 and 5.
"""
