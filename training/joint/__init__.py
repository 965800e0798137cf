"""Training any GoT as one model: chain and picture together, on Hugging Face accelerate and datasets.

    config.py      what a run does, read from training/configs
    examples.py    the row format: from a row of a file to an example, or to the reason why not
    published.py   rows of the published GoT sets in that format; worlds.py rows of the synthetic world
    sources.py     mixtures of endless sources, read in an order that follows from the seed
    batches.py     from examples to tensors, and every random draw
    start.py       a model folder to start from, made of the base folders
    networks.py    a model folder as networks to train
    objective.py   the joint objective
    loop.py        the run; average.py, checkpoints.py, journal.py, samples.py serve it
    export.py      what was trained as a model folder
    memory.py      what a run of the real size needs

`python dev.py train --help` is the way in. Sources: arXiv 2503.10639 sections 4 and 5.
"""
