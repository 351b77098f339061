"""The image tokens of Stable Video Diffusion, for the pipeline and differentiably."""

from __future__ import annotations

from typing import cast

import torch
from diffusers import StableVideoDiffusionPipeline
from diffusers.pipelines.stable_video_diffusion.pipeline_stable_video_diffusion import _resize_with_antialiasing
from PIL import Image

CLIP_SIZE = (224, 224)


class TokenPipeline(StableVideoDiffusionPipeline):  # type: ignore[misc]
    """The pipeline with an image encoder that maps pixels to several tokens, in the place of CLIP's one vector.

    The encoder takes (1, 3, H, W) in [0, 1] and returns (1, K, D).
    """

    def _encode_image(
        self,
        image: Image.Image,
        device: torch.device,
        num_videos_per_prompt: int,
        do_classifier_free_guidance: bool,
    ) -> torch.Tensor:
        pixels = self.video_processor.numpy_to_pt(self.video_processor.pil_to_numpy(image))
        tokens = self.image_encoder(pixels.to(device)).to(self.unet.dtype)
        tokens = tokens.repeat_interleave(num_videos_per_prompt, dim=0)
        return torch.cat([torch.zeros_like(tokens), tokens]) if do_classifier_free_guidance else tokens


def image_tokens(pipe: StableVideoDiffusionPipeline, image: torch.Tensor) -> torch.Tensor:
    """Tokens (1, K, D) of a (1, 3, H, W) image in [0, 1]: several of a `TokenPipeline`, else CLIP's image embedding."""
    encoder = pipe.image_encoder
    if isinstance(pipe, TokenPipeline):
        return cast(torch.Tensor, encoder(image.to(pipe.device)))
    small = _resize_with_antialiasing(image * 2 - 1, CLIP_SIZE) / 2 + 0.5
    mean, std = (
        torch.tensor(values, device=image.device)[None, :, None, None]
        for values in (pipe.feature_extractor.image_mean, pipe.feature_extractor.image_std)
    )
    pixels = ((small - mean) / std).to(encoder.device, encoder.dtype)
    return cast(torch.Tensor, encoder(pixels).image_embeds[:, None])
