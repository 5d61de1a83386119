"""SDXL-class backbones: a stock StableDiffusionXLPipeline, sampled in true batches.

What the stock pipeline makes of the same noise and embeddings, this makes too; here a batch may
mix prompts, seeds and guidance, and the batch a picture rides in does not change it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from palate.backbones import lending, loading
from palate.backbones.asked import Defaults, complete
from palate.backbones.attending import Pass, attending
from palate.backbones.sampling import Job, OnStep, Schedule, sample
from palate.backbones.text import Embeddings, left_out, sdxl_text
from palate.backbones.voices import Voice, VoiceAdapter
from palate.errors import BadInput
from palate.seeds import noise_for
from palate.types import Picture, Request


class SDXL:
    """A StableDiffusionXLPipeline as a Backbone. One job at a time: what is lent is shared."""

    def __init__(
        self, pipe: Any, *, name: str | None = None, defaults: Defaults | None = None
    ) -> None:
        loading.check_parts(
            pipe, ("unet", "vae", "text_encoder", "text_encoder_2"), "a StableDiffusionXLPipeline"
        )
        loading.still(pipe)
        parts = ("unet", "text_encoder", "text_encoder_2")
        self.pipe, self.name = pipe, name or "sdxl"
        self.mark = loading.mark(self.name, {part: getattr(pipe, part) for part in parts})
        side = pipe.unet.config.sample_size * pipe.vae_scale_factor
        self.defaults = defaults or Defaults(width=side, height=side, steps=30, guidance=5.0)

    @classmethod
    def from_pretrained(
        cls, folder: str | Path, *, device: str = "cpu", dtype: torch.dtype = torch.float32
    ) -> SDXL:
        """From a local folder made by `save_pretrained`, ours or diffusers'."""
        folder = Path(folder)
        pipe = loading.load("StableDiffusionXLPipeline", folder, dtype=dtype, device=device)
        name, defaults = loading.kept(folder)
        return cls(pipe, name=name or folder.name, defaults=defaults)

    def save_pretrained(self, folder: str | Path) -> None:
        """A folder that stock diffusers loads; name and defaults lie beside it."""
        loading.save(self.pipe, Path(folder), self.name, self.defaults)

    @cached_property
    def cross_attentions(self) -> dict[str, Any]:
        """The layers voices speak in, by name, in the order IP-Adapter files count them."""
        unet = getattr(
            self.pipe.unet, "_orig_mod", self.pipe.unet
        )  # inside torch.compile's wrapper
        modules = unet.named_modules()
        return {name: module for name, module in modules if name.endswith(".attn2")}

    def new_adapter(self, *, tokens: int, like_text: bool = False, seed: int = 0) -> VoiceAdapter:
        """Keys and values for a voice whose tokens are so wide: silent, or as the text's own."""
        layers = self.cross_attentions
        widths = {name: layer.inner_dim for name, layer in layers.items()}
        adapter = VoiceAdapter(widths, tokens=tokens, seed=seed)
        return adapter.start_from(layers) if like_text else adapter

    # ---- the seam

    @contextmanager
    def attending(self, voices: Voice | Sequence[Voice]) -> Iterator[SDXL]:
        """Let voices speak in every cross-attention; afterwards the model is as it was.

        Also holds for `pipe(...)` called inside. In training, call `backward` inside as well.
        """
        voices = [voices] if isinstance(voices, Voice) else list(voices)
        with attending(self.pipe.unet, self.cross_attentions, voices, _passing, self._guess):
            yield self

    def _guess(self, now: Pass, people: int) -> lending.Riders:
        """Who rides in a pass that somebody else's code makes, most likely `pipe(...)`."""
        rows = len(now.latents)
        scale = getattr(self.pipe, "_guidance_scale", 0.0)  # set by the pipeline's last call
        guided = scale > 1 and rows % 2 == 0 and not self._distilled
        pictures = lending.spread(rows // 2 if guided else rows, people)
        progress = lending.progress(self.pipe.scheduler, now.t)
        return lending.halves(pictures, guided=guided, progress=progress)

    # ---- pictures

    def encode(self, prompts: Sequence[str], negative: Sequence[str] | None = None) -> Embeddings:
        """Embeddings of prompts and negative prompts; "" is what the model takes for none."""
        return sdxl_text(self.pipe, prompts, [""] * len(prompts) if negative is None else negative)

    def left_out(self, prompt: str) -> int:
        """How many tokens of a prompt do not fit."""
        return left_out(self.pipe.tokenizer, prompt, self.pipe.tokenizer.model_max_length)[0]

    def sample(
        self,
        requests: Sequence[Request],
        embeddings: Embeddings | None = None,
        on_step: OnStep | None = None,
    ) -> list[Picture]:
        """One picture for each request. `on_step(done, total)` may raise to stop."""
        if self.pipe.unet.config.encoder_hid_dim_type == "ip_image_proj":
            raise BadInput(
                "An IP-Adapter is loaded, and a request has no picture for it. Call the pipeline "
                "itself, also inside a `with`; or unload_ip_adapter() first."
            )
        return sample(self, requests, embeddings, on_step)

    def predict(self, latents: Tensor, t: Tensor, text: Embeddings) -> Tensor:
        """The U-Net's output for noisy latents, a row for each prompt; what training needs."""
        with lending.riding(lending.halves(range(len(latents)), guided=False)):
            return self._unet(latents, t, text.tokens, text.pooled)

    def complete(self, request: Request) -> Request:
        """The request with nothing left open, or a sentence saying what cannot be done."""
        return complete(request, self.defaults, self.pipe.vae_scale_factor)

    # ---- what the loop in sampling.py asks for

    def guided(self, request: Request) -> bool:
        """Whether there is classifier-free guidance; a distilled U-Net has it built in."""
        return (request.guidance or 0.0) > 1 and not self._distilled

    def job(self, numbers: list[int], requests: list[Request], text: Embeddings) -> Job:
        """Pictures of one size, with their noise and a scheduler of their own."""
        pipe, first = self.pipe, requests[0]
        assert first.height and first.width
        sides = [side // pipe.vae_scale_factor for side in (first.height, first.width)]
        shape, seeds = (pipe.unet.config.in_channels, *sides), [r.seed for r in requests]
        how = {"num_inference_steps": first.steps, "device": pipe._execution_device}
        return Job(
            numbers=numbers,
            requests=requests,
            text=text,
            guided=self.guided(first),
            noise=noise_for(seeds, shape).to(pipe._execution_device, text.tokens.dtype),
            schedule=Schedule.of(pipe.scheduler, seeds, shape, **how),
        )

    def forward(self, job: Job, latents: Tensor, t: Tensor) -> Tensor:
        """One pass of the U-Net for a job."""
        tokens, pooled = job.text.guided() if job.guided else (job.text.tokens, job.text.pooled)
        built_in = self._built_in_guidance(job, latents) if self._distilled else None
        return self._unet(latents, t, tokens, pooled, built_in)

    def decode(self, latents: Tensor, request: Request | None = None) -> Tensor:
        """Latents to images (B, 3, height, width), about -1 to 1."""
        vae, config = self.pipe.vae, self.pipe.vae.config
        mean, std = (config.get(name) for name in ("latents_mean", "latents_std"))
        if mean is not None and std is not None:
            mean, std = (torch.tensor(x).view(1, -1, 1, 1).to(latents) for x in (mean, std))
            latents = latents * std / config.scaling_factor + mean
        else:
            latents = latents / config.scaling_factor
        if vae.dtype == torch.float16 and config.force_upcast:  # SDXL's own overflows in fp16
            vae = deepcopy(vae).float()
        images = vae.decode(latents.to(vae.dtype), return_dict=False)[0]
        mark = getattr(self.pipe, "watermark", None)  # there if invisible_watermark is installed
        return images if mark is None else mark.apply_watermark(images)

    def _unet(
        self,
        latents: Tensor,
        t: Tensor,
        tokens: Tensor,
        pooled: Tensor,
        built_in: Tensor | None = None,
    ) -> Tensor:
        height, width = (side * self.pipe.vae_scale_factor for side in latents.shape[-2:])
        # original size, crop, target size: as if cut from a picture of just this size
        size = torch.tensor([height, width, 0, 0, height, width]).to(tokens)
        return self.pipe.unet(
            latents,
            t,
            encoder_hidden_states=tokens,
            timestep_cond=built_in,
            added_cond_kwargs={"text_embeds": pooled, "time_ids": size.repeat(len(latents), 1)},
            return_dict=False,
        )[0]

    @property
    def _distilled(self) -> bool:
        return self.pipe.unet.config.time_cond_proj_dim is not None

    def _built_in_guidance(self, job: Job, latents: Tensor) -> Tensor:
        scale = job.guidance(latents).flatten() - 1
        width = self.pipe.unet.config.time_cond_proj_dim
        return self.pipe.get_guidance_scale_embedding(scale, embedding_dim=width).to(latents)


def _passing(sample: Tensor, timestep: Any, *_: Any, **__: Any) -> Pass:
    rows, columns = sample.shape[-2:]
    return Pass(sample, timestep, (rows, columns))
