"""Training: one loop for everything Palate learns.

settings    what a training is asked to do: `Fit`, a value
fit         the loop
sampler     which item comes when: a function of the seed and the step
learner     the modules and their loss as one module
optim       optimizers and schedules
ema         the average of the weights along the way
machines    one process or many
state       a training as tensors and JSON, and back
checkpoint  whole checkpoints or none
run         a training's folder: when to write, where to go on
facts       what the loop reports
console     the progress bar, TensorBoard and ctrl-C

    for fact in fit({"unet": unet}, items, loss, Fit(steps=2000, batch=16, lr=1e-4), run=folder):
        ...                          # log, judge, stop; ctrl-C writes a checkpoint first
    with fact.averaged():            # the averaged weights, lent
        unet.save_pretrained(out)
"""
