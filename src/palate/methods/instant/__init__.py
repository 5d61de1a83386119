"""Instant: a vision LLM says what is liked and plans the picture; the sampler follows, untrained.

read first: method.py      keywords, contrast        what was understood, and of whom
                           plan, entities, layout    what goes where
                           understanding             who understands and plans: a reader, a server
                           strengths, guiding        how the base model is made to follow
                           checking                  is everything there? one more try
                           session, sayings          rounds: a person speaks, a whole new plan
"""
