"""What a protection, a purification, a metric, a video model and a dataset must offer.

Every stage hands over 8-bit images: NumPy ``uint8`` arrays of shape (H, W, 3), RGB. A clip is (T, H, W, 3).
Only inside a protection and a surrogate do images become float tensors of shape (1, 3, H, W) in [0, 1].

A plugin is a frozen dataclass: its fields are its parameters (each with a default, JSON-serialisable), its class
variables say what it is. Plugins do no I/O, no printing, no argument parsing, no device choice and no global seeding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch

ImageU8: TypeAlias = npt.NDArray[np.uint8]
"""(H, W, 3) RGB."""
FramesU8: TypeAlias = npt.NDArray[np.uint8]
"""(T, H, W, 3) RGB."""


@dataclass(frozen=True)
class Claim:
    """Something that a method's authors say of it and that a run can answer: one side has more than the other.

    Attributes:
        said: In their sense, in this project's words.
        more: Label of the protection that has more, or "clean".
        less: Label of the one that has less.
        after: Purification after which they are compared, as a suite writes it; "none".
        metric: Whose scores are compared; empty: strengths by the suite's headline.
    """

    said: str
    more: str
    less: str
    after: str = "none"
    metric: str = ""


@dataclass(frozen=True)
class Card:
    """The facts of a registered thing."""

    title: str
    source: str = ""
    """Paper, equation or documentation the implementation follows."""
    year: int | None = None
    arxiv: str = ""
    citation: str = ""
    """BibTeX, or empty for something with no publication."""
    licence: str = ""
    """Licence of the reference code or weights."""
    reference: str = ""
    """Reference repository and commit, where one was read."""
    native_space: str = ""
    """Colour space and range the original works in."""
    native_budget: str = ""
    """How the original states its budget, and what that is in 8-bit levels."""
    deviations: tuple[str, ...] = ()
    """Where this differs from the original, and why."""
    claims: tuple[Claim, ...] = ()
    """What its authors say of it, as `antibench.claims` asks a run."""
    notes: str = ""


@dataclass(frozen=True)
class Case:
    """One source photo with its caption.

    Attributes:
        id: Unique in its dataset; safe to print, never used as a path.
        photo: (H, W, 3) uint8.
        caption: What the clip should show.
        sha256: Hash of the photo's pixels and shape (`pixels.digest`).
        clip: The real clip the photo is the first frame of, if there is one: (T, H, W, 3) uint8.
    """

    id: str
    photo: ImageU8
    caption: str
    sha256: str
    clip: FramesU8 | None = None


@dataclass(frozen=True)
class Unscored:
    """A score that could not be given, and why. It is reported, never averaged away."""

    reason: str


@dataclass(frozen=True)
class BrokenCase:
    """A case of a dataset that could not be read: it is planned, and each of its cells fails with the reason."""

    id: str
    reason: str


@dataclass(frozen=True)
class Denoised:
    """One differentiable pass of a surrogate's denoiser.

    Attributes:
        loss: Scalar; the model's own training loss at this noise level, mean over elements.
        prediction: The denoiser's output (after guidance, if it was asked for).
        features: layer name -> video features of that layer, shape (1, tokens, channels) or (T, C, h, w); name of an
            attention -> its map across frames, (1, heads, T, T) in float32, each row a distribution over T frames.
        image_latents: The conditioning latent of the photo, scaled as the denoiser sees it.
        clean: The clean clip that the prediction stands for, shape of `clip_latents`.
        noise: The noise that the prediction stands for, same shape. Given back to `denoise` as clip and noise at a
            lower level, the two make a deterministic step of a sampler (DDIM: Song et al. 2021, equation 12, eta 0).
            Where the model holds frames of the clip to the photo, it is the noise that was given.
    """

    loss: torch.Tensor
    prediction: torch.Tensor
    features: dict[str, torch.Tensor]
    image_latents: torch.Tensor
    clean: torch.Tensor
    noise: torch.Tensor


@dataclass(frozen=True)
class Encoded:
    """What a surrogate's image encoders make of a photo, all differentiable.

    Attributes:
        latents: VAE latent of the photo (mean of the posterior), scaled as the denoiser sees it.
        features: VAE encoder layer name -> activation.
        tokens: Image tokens of the semantic encoder (1, K, C), or None if the model has none.
        conditioned: `Denoised.image_latents` of an earlier pass on this image, for another step of the same sampling: a
            model that adds noise to the photo takes it instead of drawing anew.
    """

    latents: torch.Tensor
    features: dict[str, torch.Tensor]
    tokens: torch.Tensor | None
    conditioned: torch.Tensor | None = None


Gives: TypeAlias = Literal[
    "diffusion_loss",  # denoise().loss is differentiable in the image
    "guidance",  # denoise(guided=True) runs both branches of classifier-free guidance
    "features",  # denoise(capture=...) returns layer activations
    "image_latents",  # encode().latents
    "vae_features",  # encode(capture=...).features
    "image_tokens",  # encode().tokens
    "still_latents",  # encode_still()
    "text",  # the caption moves the prediction
    "attention",  # denoise(capture=...) returns maps of the attentions across frames
]


@runtime_checkable
class VideoModel(Protocol):
    """An image-to-video model: a generator and, where `gives` says so, a surrogate for protections.

    A model is an instance with weights loaded; `antibench.registry.MODELS` holds loaders.
    """

    name: str
    version: int
    card: ModelCard
    size: tuple[int, int]
    """(height, width) the model works at."""
    frames: int
    fps: float
    layers: tuple[str, ...]
    """Names of the denoiser's blocks in order; what `denoise(capture=...)` accepts."""
    attentions: tuple[str, ...]
    """Names of the denoiser's attentions across frames in order; what `denoise(capture=...)` accepts as well. A map is
    softmax(q k^T / sqrt(d)) of queries and keys averaged over each latent frame's places: T x T for each head, where
    the attention itself may be of all tokens to all tokens. Empty without "attention" in `gives`."""
    vae_layers: tuple[str, ...]
    """Names of the VAE encoder's stages in order; what `encode(capture=...)` accepts."""
    gives: frozenset[Gives]
    frame_axis: int
    """The axis of `encode_clip`'s latents that runs over latent frames."""

    def generate(self, image: ImageU8, prompt: str, seed: int) -> FramesU8:
        """Animate a photo: the model's own sampler, (T, H, W, 3) uint8. The photo is resized to `size` if needed."""
        ...

    def encode(self, image: torch.Tensor, *, capture: Sequence[str] = ()) -> Encoded:
        """Pass a (1, 3, H, W) image in [0, 1] at `size` through the image encoders."""
        ...

    def encode_clip(self, frames: FramesU8) -> torch.Tensor:
        """Latents of a clip, scaled as the denoiser noises them. No gradient."""
        ...

    def encode_still(self, image: torch.Tensor) -> torch.Tensor:
        """`encode_clip` of a clip in which a (1, 3, H, W) photo in [0, 1] at `size` stands still, differentiable.

        The one way by which a gradient with respect to the *noised clip* reaches the photo. Only models that give
        "still_latents" need it.
        """
        ...

    def decode_image(self, latents: torch.Tensor) -> torch.Tensor:
        """Decode `Encoded.latents` to a (1, 3, H, W) image in [0, 1], differentiable."""
        ...

    def denoise(
        self,
        image: torch.Tensor,
        prompt: str,
        *,
        clip_latents: torch.Tensor,
        t: float,
        noise: torch.Tensor,
        guided: bool = False,
        capture: Sequence[str] = (),
        encoded: Encoded | None = None,
    ) -> Denoised:
        """One denoiser pass on a noised clip, conditioned on a photo.

        Args:
            image: (1, 3, H, W) in [0, 1] at `size`; the gradient flows through every path the photo takes.
            prompt: Caption; models without text ignore it.
            clip_latents: From `encode_clip`.
            t: Noise level in [0, 1): 0 = clean, towards 1 = pure noise; uniform t is uniform over the training levels.
            noise: Gaussian, shape of `clip_latents`.
            guided: Predict through classifier-free guidance at the sampler's own weight, both branches differentiable.
            capture: Names from `layers` and `attentions` whose activations and maps to return (conditional branch).
            encoded: What `encode` made of this very image, so that no encoder runs twice: the model takes from it what
                it would compute the same. The result is that without it, but for rounding.
        """
        ...


@dataclass(frozen=True)
class ModelCard(Card):
    """A card that also pins the weights."""

    repo_id: str = ""
    revision: str = ""
    """40 hex digits of the hub commit; empty for embedded weights."""
    download_gb: float | None = None
    """Size of the files to download in GB; None where it is not known."""
    weights_gb: float | None = None
    """What the weights take in memory as they are loaded by default, in GB, activations apart; None where not known."""
    text_gb: float = 0.0
    """The share of `weights_gb` of a text encoder that `low_memory` keeps in the host's memory."""
    world: Literal["small", "real"] = "real"
    gate: Literal["passed", "failed", "unmeasured", "not-applicable"] = "not-applicable"
    """Validity gate of an embedded model (`antibench check MODEL`)."""


@runtime_checkable
class ModelSpec(Protocol):
    """What `antibench.registry.MODELS` holds: a frozen dataclass that knows a model's facts and loads it on demand.

    Its fields are the model's parameters (sampler steps, guidance ...); planning reads only class variables.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    card: ClassVar[ModelCard]
    size: ClassVar[tuple[int, int]]
    frames: ClassVar[int]
    gives: ClassVar[frozenset[Gives]]

    def load(self, device: str) -> VideoModel:
        """Load the weights. `device` is a torch device string."""
        ...


@runtime_checkable
class LocalSpec(ModelSpec, Protocol):
    """A model whose weights may also lie in a local folder, which `--weights MODEL=PATH` names."""

    local_files: ClassVar[tuple[str, ...]]
    """Files that the folder must hold, as paths below it: `model_index.json` stands for the parts it lists too,
    `config.json` for all that lies beside it. Where it is one file of neither name, PATH may be the file itself."""

    def load(self, device: str, weights: Path | None = None) -> VideoModel:
        """Load the weights from that folder or file; None: from where the card says."""
        ...


@dataclass(frozen=True)
class PerturbContext:
    """What a protection is given besides the photo.

    Attributes:
        caption: The photo's caption.
        budget_levels: L-infinity budget in 8-bit levels of the saved file (8 means 8/255).
        surrogate: The model whose gradients may be used.
        references: Clips the surrogate generated from the clean photo under reference seeds that no score uses;
            empty unless the protection `needs` "references".
        target_photo: An unrelated photo of the same size, (1, 3, H, W) in [0, 1]: the psi of targeted objectives.
        generator: The only source of randomness.
        others: The same for each further model of an ensemble, with the target photo at its size. A protection need not
            look at them: `+ensemble(...)` makes it on each.
    """

    caption: str
    budget_levels: int
    surrogate: VideoModel
    references: tuple[FramesU8, ...]
    target_photo: torch.Tensor
    generator: torch.Generator
    others: tuple[PerturbContext, ...] = ()

    @property
    def epsilon(self) -> float:
        """The budget on the [0, 1] scale."""
        return self.budget_levels / 255


@runtime_checkable
class Protection(Protocol):
    """The photo owner's perturbation. The harness projects, rounds and measures what it returns."""

    name: ClassVar[str]
    version: ClassVar[int]
    card: ClassVar[Card]
    needs: ClassVar[frozenset[str]]
    """`Gives` of the surrogate it uses, plus "references" if it wants reference clips. Empty: needs no surrogate."""
    stochastic: ClassVar[bool]
    role: ClassVar[Literal["protection", "control", "degenerate"]]

    def perturb(self, image: torch.Tensor, context: PerturbContext) -> torch.Tensor:
        """Return the protected (1, 3, H, W) image in [0, 1]; it may overshoot the budget."""
        ...


@runtime_checkable
class Purification(Protocol):
    """What happens to a photo before it is animated."""

    name: ClassVar[str]
    version: ClassVar[int]
    card: ClassVar[Card]
    grid: ClassVar[tuple[float, ...]]
    """Strengths from weak to strong, in the purification's own unit (JPEG quality, sigma in pixels, scale)."""
    stochastic: ClassVar[bool]
    backend: ClassVar[str]
    """Library and call that does the work; its version is recorded with a run."""

    def apply(self, image: ImageU8, *, strength: float, rng: np.random.Generator) -> ImageU8:
        """Purify an (H, W, 3) uint8 image; same shape out."""
        ...

    def twin(self, image: torch.Tensor, *, strength: float, generator: torch.Generator) -> torch.Tensor | None:
        """Differentiable approximation on (1, 3, H, W) in [0, 1] for EOT, or None if there is none."""
        ...


@dataclass(frozen=True)
class Place:
    """Where a network computes.

    Attributes:
        device: Torch device string.
        weights: A folder that its weights are read from in place of the hub, if one was given.
    """

    device: str = "cpu"
    weights: Path | None = None


@runtime_checkable
class LearnedPurification(Purification, Protocol):
    """A purification by a network: the harness says where it computes, and its weights may lie in a local folder.

    Results of a GPU are not taken for those of a CPU, as for models.
    """

    local_files: ClassVar[tuple[str, ...]]
    """As `LocalSpec.local_files`, for `--weights PURIFICATION=PATH`; empty if its networks are all embedded."""

    def apply(
        self, image: ImageU8, *, strength: float, rng: np.random.Generator, place: Place | None = None
    ) -> ImageU8:
        """Purify an (H, W, 3) uint8 image; same shape out. Without a place, on the CPU."""
        ...


@dataclass(frozen=True)
class CellView:
    """Everything a metric may look at for one cell.

    Attributes:
        photo: The clean photo (case's own), (H, W, 3).
        protected: The protected photo as saved.
        seen: The purified protected photo: what the model animated.
        frames: The video, (T, H, W, 3).
        clean_frames: The video of the equally purified clean photo, same model and seed.
        caption: The case's caption.
        budget_levels: The budget.
        world: Which set of real networks and centring applies: "small" (rendered portraits) or "real".
    """

    photo: ImageU8
    protected: ImageU8
    seen: ImageU8
    frames: FramesU8
    clean_frames: FramesU8
    caption: str = ""
    budget_levels: int = 0
    world: Literal["small", "real"] = "real"


@runtime_checkable
class Metric(Protocol):
    """One number for one cell."""

    name: ClassVar[str]
    """Carries the network that makes it: ``ism[dlib]``."""
    version: ClassVar[int]
    card: ClassVar[Card]
    protects_when: ClassVar[Literal["lower", "higher", "neither"]]
    """Direction in which protection got stronger; "neither" for descriptive metrics."""
    bounds: ClassVar[tuple[float, float]]
    """Lowest and highest score, both finite."""
    scope: ClassVar[Literal["video", "photo", "fidelity"]]
    """"video": scored for every cell. "photo": reads only `photo` and `seen` (the photo as it reaches the model),
    scored once per purified photo, not per target and seed. "fidelity": reads only `photo` and `protected`, once per
    protected photo."""
    photo_twin: ClassVar[str | None]
    """Name of the "photo" metric that measures the same on the photo as seen, for the excess column."""

    def score(self, view: CellView) -> float | Unscored:
        """Score one cell."""
        ...


@runtime_checkable
class Dataset(Protocol):
    """Photos with captions."""

    name: ClassVar[str]
    version: ClassVar[int]
    card: ClassVar[Card]

    def ids(self) -> list[str]:
        """The case ids, in order, without reading or rendering a photo."""
        ...

    def cases(self) -> Iterator[Case | BrokenCase]:
        """The cases, in the order of `ids`."""
        ...


Params: TypeAlias = dict[str, Any]
"""Resolved, JSON-serialisable parameters of a plugin."""
