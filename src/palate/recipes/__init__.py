"""Complete named runs: `palate recipes` lists them, `palate train NAME` does one.

recipe     what a recipe is, and doing one
table      their names
drawings   scenes of the drawn world as training items
captions   what generators are told, and which prompts they never hear
judge      sketchbook-judge
vae        sketchbook-vae
clip       sketchbook-clip
proof      sketchbook-proof, which proofing trains: reads what generators paint
arranged   of that, who is there and how
blending   the mean of trainings of one model
generating what the next two share: latents, flow matching, being judged
sdxl       sketchbook-sdxl
flux       sketchbook-flux
premier    sketchbook-premier; gallery, what its people like; turning, how it is measured
newcoming  somebody new to Premier, in three ways
claims     what the papers say, put to the test
"""
