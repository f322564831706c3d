"""From a prompt to conditioning: syntax, alternatives, tokens, encoders, embeddings, weights.

`prompt`, `alternatives` and the two dialects know no torch, so that a graph can be checked and
planned without it.
"""
