"""Ways to make a base model follow a taste, each in a folder of its own, blind to the others."""
