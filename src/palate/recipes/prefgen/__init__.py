"""PrefGen's training and its baseline's: what a batch of histories teaches, how good it is."""

from palate.recipes.prefgen.lesson import MOST as MOST
from palate.recipes.prefgen.recipe import DEBUG as DEBUG
from palate.recipes.prefgen.recipe import FLUX_DEBUG as FLUX_DEBUG
from palate.recipes.prefgen.recipe import FLUX_PREFGEN as FLUX_PREFGEN
from palate.recipes.prefgen.recipe import IP_ADAPTER as IP_ADAPTER
from palate.recipes.prefgen.recipe import IP_DEBUG as IP_DEBUG
from palate.recipes.prefgen.recipe import PREFGEN as PREFGEN
from palate.recipes.prefgen.recipe import PrefgenRecipe as PrefgenRecipe
