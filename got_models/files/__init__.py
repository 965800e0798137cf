"""A model folder on disk: manifest, weights, fp8, memory estimate."""
