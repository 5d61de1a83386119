"""PrefBench (wenyii/PrefBench): simulated people with liked and disliked pictures, in two layouts.

    {coco,diffusiondb}.json ─┐                     ┌─▶ the same two layouts
                             ├─layouts─▶ Person ───┤
    {coco,diffusiondb}.pkl ──┘                     └─pairs─▶ the PAIRS table

people        what one person showed; joining two records of one person; leaks between splits
layouts       the files as released, read record by record; checks names every fault
plain_pickle  reads a pickle without the power to run anything
pairs         the canonical table
"""

from palate.data.prefbench.layouts import read_json as read_json
from palate.data.prefbench.layouts import read_pkl as read_pkl
from palate.data.prefbench.layouts import write_json as write_json
from palate.data.prefbench.layouts import write_pkl as write_pkl
from palate.data.prefbench.pairs import to_pairs as to_pairs
from palate.data.prefbench.people import Leak as Leak
from palate.data.prefbench.people import Pair as Pair
from palate.data.prefbench.people import Person as Person
from palate.data.prefbench.people import Target as Target
from palate.data.prefbench.people import joined as joined
from palate.data.prefbench.people import leaks as leaks
from palate.data.prefbench.people import profile_of as profile_of
