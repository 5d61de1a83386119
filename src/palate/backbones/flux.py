"""FLUX-class backbones: a stock FluxPipeline, sampled in true batches.

`Request.guidance` is the guidance the model was distilled with (FLUX.1-dev); a model that has none
built in gets classifier-free guidance instead, above 1 (at 1 or less: one pass, as for schnell).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from palate.backbones import lending, loading
from palate.backbones.asked import Defaults, complete
from palate.backbones.attending import Pass, attending
from palate.backbones.modulating import Delta, modulating
from palate.backbones.placing import placing
from palate.backbones.sampling import Job, OnStep, Schedule, sample
from palate.backbones.text import Embeddings, flux_text, left_out
from palate.backbones.voices import Voice, VoiceAdapter
from palate.errors import BadInput
from palate.seeds import noise_for
from palate.types import Picture, Request


class FLUX:
    """A FluxPipeline as a Backbone. One job at a time: what is lent is shared."""

    def __init__(
        self, pipe: Any, *, name: str | None = None, defaults: Defaults | None = None
    ) -> None:
        loading.check_parts(
            pipe, ("transformer", "vae", "text_encoder", "text_encoder_2"), "a FluxPipeline"
        )
        loading.still(pipe)
        parts = ("transformer", "text_encoder", "text_encoder_2")
        self.pipe, self.name = pipe, name or "flux"
        self.distilled = bool(pipe.transformer.config.guidance_embeds)
        self.mark = loading.mark(self.name, {part: getattr(pipe, part) for part in parts})
        side = pipe.default_sample_size * pipe.vae_scale_factor
        steps, guidance = (28, 3.5) if self.distilled else (4, 1.0)  # as dev's and schnell's cards
        self.defaults = defaults or Defaults(
            width=side, height=side, steps=steps, guidance=guidance
        )

    @classmethod
    def from_pretrained(
        cls, folder: str | Path, *, device: str = "cpu", dtype: torch.dtype = torch.float32
    ) -> FLUX:
        """From a local folder made by `save_pretrained`, ours or diffusers'."""
        folder = Path(folder)
        pipe = loading.load("FluxPipeline", folder, dtype=dtype, device=device)
        name, defaults = loading.kept(folder)
        return cls(pipe, name=name or folder.name, defaults=defaults)

    def save_pretrained(self, folder: str | Path) -> None:
        """A folder that stock diffusers loads; name and defaults lie beside it."""
        loading.save(self.pipe, Path(folder), self.name, self.defaults)

    # ---- the seams

    @cached_property
    def attentions(self) -> dict[str, Any]:
        """The layers voices speak in, by name: those of the double blocks."""
        model = getattr(self.pipe.transformer, "_orig_mod", self.pipe.transformer)
        return {
            f"transformer_blocks.{number}.attn": block.attn
            for number, block in enumerate(model.transformer_blocks)
        }

    def new_adapter(self, *, tokens: int, seed: int = 0) -> VoiceAdapter:
        """Keys and values for a voice whose tokens are so wide; silent."""
        widths = {name: layer.inner_dim for name, layer in self.attentions.items()}
        return VoiceAdapter(widths, tokens=tokens, seed=seed)

    @contextmanager
    def attending(self, voices: Voice | Sequence[Voice]) -> Iterator[FLUX]:
        """Let voices speak to the picture in every double block; afterwards all is as it was.

        Beside the text they need an adapter: there is no cross-attention whose keys they could
        share. Instead of it, in a region, they are texts of their own. Also holds for `pipe(...)`
        called inside. In training, call `backward` inside as well.
        """
        voices = [voices] if isinstance(voices, Voice) else list(voices)
        texts = [voice for voice in voices if voice.instead and voice.adapter is None]
        others = [voice for voice in voices if voice not in texts]
        model, beside, inside = self.pipe.transformer, _Guess(self.pipe), _Guess(self.pipe)
        with (
            attending(
                model,
                self.attentions,
                others,
                _passing,
                lambda now, people: beside(people, now.latents),
            ),
            placing(model, texts, _passing, lambda now, people: inside(people, now.latents)),
        ):
            yield self

    @contextmanager
    def modulating(self, delta: Delta) -> Iterator[FLUX]:
        """Turn the modulation of each text token; afterwards the model is as it was.

        Also holds for `pipe(...)` called inside. In training, call `backward` inside as well.
        """
        with modulating(self.pipe.transformer, delta, _Guess(self.pipe)):
            yield self

    # ---- pictures

    def encode(self, prompts: Sequence[str], negative: Sequence[str] | None = None) -> Embeddings:
        """Embeddings of prompts, and of negative prompts where they are given."""
        return flux_text(self.pipe, prompts, negative, self.defaults.text_length)

    def left_out(self, prompt: str) -> int:
        """How many tokens of a prompt do not fit."""
        return left_out(self.pipe.tokenizer_2, prompt, self.defaults.text_length)[0]

    def sample(
        self,
        requests: Sequence[Request],
        embeddings: Embeddings | None = None,
        on_step: OnStep | None = None,
    ) -> list[Picture]:
        """One picture for each request. `on_step(done, total)` may raise to stop."""
        return sample(self, requests, embeddings, on_step)

    def predict(
        self, latents: Tensor, t: Tensor, text: Embeddings, guidance: float = 1.0
    ) -> Tensor:
        """The transformer's output for noisy latents (B, C, height, width); what training needs.

        t is in the scheduler's units, 0 to 1000, a number a row.
        """
        size, scale = latents.shape[-2:], torch.full((len(latents),), guidance)
        with lending.riding(lending.halves(range(len(latents)), guided=False)):
            out = self._transformer(pack(latents), t, text.tokens, text.pooled, size, scale)
        return unpack(out, *size)

    def complete(self, request: Request) -> Request:
        """The request with nothing left open, or a sentence saying what cannot be done."""
        whole = complete(request, self.defaults, 2 * self.pipe.vae_scale_factor)
        if whole.negative_prompt and not self.guided(whole):
            way = "has guidance built in" if self.distilled else "needs guidance above 1 for that"
            raise BadInput(
                f"The request has the negative prompt {whole.negative_prompt!r}, which would not "
                f"be heard: {self.name} {way}. Leave it out"
                + ("." if self.distilled else ", or raise guidance.")
            )
        return whole

    # ---- what the loop in sampling.py asks for

    def guided(self, request: Request) -> bool:
        """Whether there is classifier-free guidance."""
        return (request.guidance or 0.0) > 1 and not self.distilled

    def job(self, numbers: list[int], requests: list[Request], text: Embeddings) -> Job:
        """Pictures of one size, with their noise and a scheduler of their own."""
        pipe, first, seeds = self.pipe, requests[0], [r.seed for r in requests]
        height, width = self._latent_size(first)
        shape = (pipe.transformer.config.in_channels // 4, height, width)
        noise = pack(noise_for(seeds, shape)).to(pipe._execution_device, text.tokens.dtype)
        return Job(
            numbers=numbers,
            requests=requests,
            text=text,
            guided=self.guided(first),
            noise=noise,
            schedule=Schedule.of(pipe.scheduler, seeds, shape, **self._how(first, noise.shape[1])),
        )

    def forward(self, job: Job, latents: Tensor, t: Tensor) -> Tensor:
        """One pass of the transformer for a job."""
        tokens, pooled = job.text.guided() if job.guided else (job.text.tokens, job.text.pooled)
        scale = job.guidance(latents).flatten().repeat(1 + job.guided)
        size = self._latent_size(job.requests[0])
        return self._transformer(latents, t.expand(len(latents)), tokens, pooled, size, scale)

    def decode(self, latents: Tensor, request: Request) -> Tensor:
        """Packed latents to images (B, 3, height, width), about -1 to 1."""
        vae = self.pipe.vae
        plain = unpack(latents, *self._latent_size(request))
        plain = plain / vae.config.scaling_factor + vae.config.shift_factor
        return vae.decode(plain.to(vae.dtype), return_dict=False)[0]

    def _latent_size(self, request: Request) -> tuple[int, int]:
        assert request.height and request.width
        scale = self.pipe.vae_scale_factor
        return request.height // scale, request.width // scale

    def _how(self, request: Request, places: int) -> dict[str, Any]:
        """How the scheduler is set: a larger picture keeps more of its steps at high noise."""
        from diffusers.pipelines.flux.pipeline_flux import calculate_shift

        config, steps = self.pipe.scheduler.config, request.steps
        assert steps
        names = ("base_image_seq_len", "max_image_seq_len", "base_shift", "max_shift")
        usual = (256, 4096, 0.5, 1.15)
        mu = calculate_shift(places, *map(config.get, names, usual))
        own = config.get("use_flow_sigmas", False)
        sigmas = {} if own else {"sigmas": np.linspace(1.0, 1 / steps, steps)}
        count = {"num_inference_steps": steps} if own else {}
        return {"device": self.pipe._execution_device, "mu": mu, **sigmas, **count}

    def _transformer(
        self,
        latents: Tensor,
        t: Tensor,
        tokens: Tensor,
        pooled: Tensor,
        size: Sequence[int],
        guidance: Tensor,
    ) -> Tensor:
        like: dict[str, Any] = {"device": latents.device, "dtype": tokens.dtype}
        return self.pipe.transformer(
            hidden_states=latents,
            timestep=t.to(latents) / 1000,
            guidance=guidance.to(latents.device, torch.float32) if self.distilled else None,
            pooled_projections=pooled,
            encoder_hidden_states=tokens,
            txt_ids=torch.zeros(tokens.shape[1], 3, **like),
            img_ids=_places(size[0] // 2, size[1] // 2, like["device"]).to(tokens.dtype),
            return_dict=False,
        )[0]


def _passing(*_: Any, hidden_states: Tensor, timestep: Any, img_ids: Tensor, **__: Any) -> Pass:
    rows, columns = (int(side) + 1 for side in img_ids[..., 1:].flatten(0, -2).amax(0))
    return Pass(hidden_states, timestep, (rows, columns))


class _Guess:
    """Who rides in a pass that somebody else's code makes, most likely `pipe(...)`.

    With true_cfg_scale the pipeline makes a second pass for the negative prompt; it is the one
    that sees the very same latents again.
    """

    def __init__(self, pipe: Any) -> None:
        self.pipe, self.seen = pipe, None

    def __call__(self, people: int, latents: Tensor) -> lending.Riders:
        now = getattr(self.pipe, "_current_timestep", None)
        running = now is not None
        again = running and self.seen is latents
        self.seen = latents if running else None
        pictures = tuple(lending.spread(len(latents), people))
        progress = lending.progress(self.pipe.scheduler, now) if running else None
        speaking = (not again,) * len(pictures)
        return lending.Riders(pictures=pictures, speaking=speaking, progress=progress)


def pack(latents: Tensor) -> Tensor:
    """(B, C, height, width) to (B, places, 4 C): every two by two becomes one place."""
    return F.pixel_unshuffle(latents, 2).flatten(2).transpose(1, 2)


def unpack(latents: Tensor, height: int, width: int) -> Tensor:
    """The way back from `pack`."""
    return F.pixel_shuffle(latents.transpose(1, 2).unflatten(2, (height // 2, width // 2)), 2)


def _places(rows: int, columns: int, device: torch.device) -> Tensor:
    """(places, 3): 0, row and column of each place, for the rotary embedding."""
    sides = (torch.arange(side, device=device) for side in (rows, columns))
    row, column = torch.meshgrid(*sides, indexing="ij")
    return torch.stack([torch.zeros_like(row), row, column], dim=-1).flatten(0, 1)
