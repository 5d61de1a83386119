"""ViPer's guidance, a baseline: embeddings of what is liked and disliked, added to the prompt's."""
