"""One run that holds ways to make pictures against one another: the same people, prompts, seeds.

    ways ──making──▶ pictures ──judging──▶ numbers a picture ──measuring, pairs──▶ results.json
                                        results.json ──tables, plots, report──▶ files

ways               what is compared: a method, for a base model, at a strength
audience           who the pictures are for, and what they like
making             pictures, kept a batch at a time; a run that was killed goes on from them
judging            what judge (truth), CLIP and reader (discerning) see, each picture once
guests             the eyes of others, with weights a person has
measuring, pairs   figures of each way, and differences between two, with intervals; sets, of all
                   pictures together
question, facts    what a run was asked, and what it found, as its files hold it
run                all of it
tables, plots, grids, report   what people see of it
"""
