"""Base models, lent steered and handed back bit for bit. The only folder that knows diffusers.

sdxl, flux      a stock pipeline as a Backbone: encode, sample, and the seam that steers it
voices          what can be lent to SDXL: tokens that speak beside the text, or in their region
attending       SDXL's seam; speaker.py is a voice at work in one forward pass
placing         FLUX's seam for regions: texts behind the prompt's, each heard in its place
modulating      FLUX's seam: a direction for each text token
tuning          low-rank changes (LoRA) of a FLUX, for as long as they are lent
again           a second pass in every step, with other texts
lending         what both seams rest on
text, asked     prompts to embeddings; requests before and pictures after the model
sampling        the denoising loop
loading         folders, defaults, fingerprints
catalog         from a name or a folder to a model; entries, the names; vetting, is it whole?
builtin         the shapes of the built-in models; lexicon, their tokenizers
reader          vision LLMs in this process; vlm, behind a server (servers, messages, shapes of
                replies, wire, refusals)
judges          reads content and look off pictures of the drawn world
encoders        eyes to measure with, beside CLIPs; dino; inception, of FIDs; imagereward, a
                scorer; openclip, CLIPs in the form OpenCLIP hands round
tiny            the real classes at toy width, for tests and for trying things
"""

from palate.backbones.asked import Defaults as Defaults
from palate.backbones.flux import FLUX as FLUX
from palate.backbones.modulating import Delta as Delta
from palate.backbones.sdxl import SDXL as SDXL
from palate.backbones.text import Embeddings as Embeddings
from palate.backbones.voices import Voice as Voice
from palate.backbones.voices import VoiceAdapter as VoiceAdapter
