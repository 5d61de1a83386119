"""Premier's training: people, what a batch teaches, who is met as somebody new, how good it is."""

from palate.recipes.premier.recipe import DEBUG as DEBUG
from palate.recipes.premier.recipe import PREMIER as PREMIER
