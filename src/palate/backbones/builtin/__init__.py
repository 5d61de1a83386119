"""The built-in models before training: stock classes at the widths that recipes ask for.

Also what training needs of them beside `predict`: embeddings that gradients flow through.
"""

from palate.backbones.builtin.autoencoder import latents_of as latents_of
from palate.backbones.builtin.autoencoder import load_vae as load_vae
from palate.backbones.builtin.autoencoder import new_vae as new_vae
from palate.backbones.builtin.autoencoder import precision as precision
from palate.backbones.builtin.autoencoder import whitened as whitened
from palate.backbones.builtin.clip import clip_ids as clip_ids
from palate.backbones.builtin.clip import clip_pixels as clip_pixels
from palate.backbones.builtin.clip import load_clip_text as load_clip_text
from palate.backbones.builtin.clip import new_clip as new_clip
from palate.backbones.builtin.clip import new_clip_text as new_clip_text
from palate.backbones.builtin.clip import save_clip as save_clip
from palate.backbones.builtin.common import LATENTS as LATENTS
from palate.backbones.builtin.common import SHIFT as SHIFT
from palate.backbones.builtin.common import SIZE as SIZE
from palate.backbones.builtin.common import Tower as Tower
from palate.backbones.builtin.flux import FluxSizes as FluxSizes
from palate.backbones.builtin.flux import flux_predict as flux_predict
from palate.backbones.builtin.flux import flux_states as flux_states
from palate.backbones.builtin.flux import new_flux as new_flux
from palate.backbones.builtin.keeping import bring as bring
from palate.backbones.builtin.keeping import folder_of as folder_of
from palate.backbones.builtin.keeping import keep as keep
from palate.backbones.builtin.keeping import rounded as rounded
from palate.backbones.builtin.sdxl import UNetSizes as UNetSizes
from palate.backbones.builtin.sdxl import new_sdxl as new_sdxl
from palate.backbones.builtin.sdxl import sdxl_states as sdxl_states
from palate.backbones.lexicon import LENGTH as LENGTH
