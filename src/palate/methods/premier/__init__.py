"""Premier (Wang et al. 2026, arXiv 2603.20725): see README.md beside this file."""

from palate.methods.premier.method import Premier as Premier
