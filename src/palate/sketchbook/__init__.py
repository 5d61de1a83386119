"""The drawn world: pictures with a known content and look, people with a known taste.

vocabulary  subjects, relations, the fifty values, moods
scenes      a picture as a recipe: content, look, seed
palettes, shapes, subjects    colours, outlines, and the twelve things there are
scenery, canvas, ornaments    painting a scene in flat colour, back to front
media, finish                 pixel work: medium, light, contrast, border, texture
brushes, pixelwork            what painting and finishing are done with
drawing     from a recipe to pixels
words       captions, keywords, prompts read back
people      affinities, utility and its percentile, liked and disliked looks
"""
