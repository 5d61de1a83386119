"""PrefGen (Mo et al. 2025, arXiv 2512.06020): see README.md beside this file."""

from palate.methods.prefgen.method import Plan as Plan
from palate.methods.prefgen.method import PrefGen as PrefGen
