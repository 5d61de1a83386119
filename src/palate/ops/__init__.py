"""Equations: tensors in, tensors out. No model, no device, no config.

attention    a second voice beside the text, or one that takes its share from it
mmd          how far apart two clouds of points are
modulation   a direction for each text token, added before the SiLU
projection   what a preference adds to a text that the text does not say itself
regions      boxes to feathered weights that sum to one everywhere
viper        ViPer's guidance, as published and as its code has it
"""
