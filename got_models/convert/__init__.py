"""`python dev.py convert`: read the released checkpoint, merge its LoRAs, write a model folder."""
