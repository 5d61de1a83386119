"""What is true of models and methods, as figures with how sure they are.

stats       means and shares with intervals
backbone    how well a base model does what prompts say, in the drawn world
"""
