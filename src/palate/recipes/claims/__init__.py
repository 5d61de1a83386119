"""What the papers say, put to the test in the drawn world: `palate claims`.

claim      what a claim is, what an experiment finds, and the verdict its intervals give
table      all claims by name
lab        models by name, loaded once
asking     running claims; each answer is a file, and what is answered is not asked again
page       the answers as one page, HTML and Markdown

probes, alignment, speaking, training    PrefGen's: layers, losses, parts; and what is trained
newcomers                                Premier's: somebody new
references, likeness, guiding, rounds    Instant's: style and mood, keywords and regions, feedback
comparisons, drifting                    methods beside others; taste that changes

prefgen, premier, instant and beyond say who claims what. One more: a frozen dataclass with `needs`
and `run`, and a Claim in one of these.
"""
