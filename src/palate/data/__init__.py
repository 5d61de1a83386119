"""Other people's likes, and drawn ones: read, checked, written.

schema     one shape for pairs and ratings
folder     a taste as liked/ and disliked/, with metadata.csv
agents     a drawn population as recipes; `drawn` shows one of its people
prefbench, pickapic    the released layouts of two data sets
shards     folders of Parquet with a plan and a manifest, safe to kill
bulk       drawing, decoding and embedding whole data sets on every core
check      what something holds and what is wrong with it
"""
