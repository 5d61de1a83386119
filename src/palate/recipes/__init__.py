"""Complete named runs: `palate recipes` lists them, `palate train NAME` does one.

recipe     what a recipe is, and doing one
table      their names
drawings   scenes of the drawn world as training items
judge      sketchbook-judge
"""
