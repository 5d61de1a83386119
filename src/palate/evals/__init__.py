"""What is true of models and methods, as figures with how sure they are.

stats, paired       means, shares and paired differences, with intervals over people, and the
crossed             prompts they share
measures, seeing    numbers that carry how they came about; each picture is seen once
moments, frechet    distances between sets: Fréchet (FID, FD),
kernels, floors     CMMD and KID; at equal n, and what real is from real
similarity          to references, to prompts, to each other; copies
textures, moods     LPIPS and style loss; is the mood the one asked for
retrieval           do pictures say whom they were made for
preference, scorers    what scores of liking say; the scorers of others
votes, people       studies with people (bradley_terry, agreement)
taste               whether pictures fit a person, in the drawn world
backbone            how well a base model does what prompts say, there
"""
