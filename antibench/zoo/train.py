"""Train a small model: ``python -m antibench.zoo.train NAME``.

Two stages, the VAE and then the denoiser on its latents; a third, `--stage decoder`, trains the VAE's decoder further
without moving a latent, so it may run at any time. Each may be cut into several runs, which go on where the
last one stopped. Without options the recipe's own numbers of steps are taken; the cards say how long that took. A model
that shares another's VAE uses the one trained in the same folder, else the one that is shipped. Each
stage may have several rounds, each from the weights of the one before: `--round 2` alone goes on from those in the same
folder, else from those that are shipped.

The networks of the learned purifications (`purifiers`), of the amortised protections (`protectors`) and of the quality
metric (`quality`) have one stage, `network`, of one round.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from antibench.errors import UserError
from antibench.models.opensora.vae import OpenSoraVAE
from antibench.zoo import protectors, purifiers, quality
from antibench.zoo.assemble import (
    build_condition,
    build_denoiser,
    build_vae,
    load_denoiser,
    load_vae,
    save_denoiser,
    save_vae,
    weights_folder,
)
from antibench.zoo.network_file import write_network
from antibench.zoo.networks import PhotoEncoder
from antibench.zoo.protectors import PROTECTORS, OnePass, Protector, load_protector
from antibench.zoo.purifiers import PURIFIERS, SIZE, Purifier, build_purifier, load_purifier
from antibench.zoo.quality import QUALITIES, Quality, RatingNet, load_quality
from antibench.zoo.recipes import RECIPES, Recipe, Training
from antibench.zoo.training.autoencoders import encoder_parts, latent_scale, normalise, quieten
from antibench.zoo.training.cache import cached_pool, pool_key
from antibench.zoo.training.clips import Pool, render_photos, render_pool
from antibench.zoo.training.critic import PatchCritic
from antibench.zoo.training.denoiser import Objective, encode_pool, measure_denoiser, train_denoiser
from antibench.zoo.training.predicted import predicted_latents
from antibench.zoo.training.protector import ProtectorObjective, Victim, measure_protector, train_protector
from antibench.zoo.training.protector import card_of as card_of_protector
from antibench.zoo.training.purifiers import OBJECTIVES, card_of, measure_purifier, train_purifier
from antibench.zoo.training.quality import QualityObjective, measure_quality, train_quality
from antibench.zoo.training.quality import card_of as card_of_quality
from antibench.zoo.training.session import Session
from antibench.zoo.training.vae import Autoencoder, measure_vae, train_vae

POOL, PHOTOS = 40_960, 163_840
FIRST_STAGES = ("vae", "denoiser", "network")
"""What starts from fresh weights; the record of any other stage goes on from that of the weights it started from."""
HELD_OUT, HELD_OUT_OFFSET = 256, 1_000_000
"""Clips the figures are measured on, and the batch offset that keeps them apart from training."""


@dataclass(frozen=True)
class Run:
    """One call of the command.

    Attributes:
        out: Folder of weights and states.
        device: Where to train.
        seconds: Bound of each round.
        fit: Take as many steps as the pace allows in so many seconds; 0 for the recipe's number.
        clips: Clips rendered to train on; of a purifier photos.
        graph: Replay each step as a CUDA graph.
        compiled: Compile the denoiser.
        cache: File of the denoiser's encoded clips.
    """

    out: Path
    device: torch.device
    seconds: float
    fit: float
    clips: int
    graph: bool
    compiled: bool
    cache: Path | None

    def session(
        self, recipe: Recipe | Purifier | Protector | Quality, module: nn.Module, plan: Training, stage: str
    ) -> Session:
        """The session of a round, with its state from before if there is one."""
        state = self.out / recipe.name / f"state-{stage}.pt"
        return Session(module, plan, state, self.seconds, self.fit, graph=self.graph)


def run_vae(recipe: Recipe, number: int, run: Run) -> bool:
    """One run of a round of the VAE's training. Returns whether the round is finished.

    Raises:
        UserError: if there is nothing to start a later round from.
    """
    plan = recipe.train_vae[number - 1]
    torch.manual_seed(plan.seed)
    vae = build_vae(recipe) if number == 1 else load_vae(recipe, _folder_of("vae.safetensors", recipe.name, run.out))
    if number == 1 and isinstance(vae, OpenSoraVAE):
        quieten(vae)
    return _train_vae(vae, recipe, plan, stage_name("vae", number), run)


def run_decoder(recipe: Recipe, number: int, run: Run) -> bool:
    """One run of a round of further training of the VAE's decoder. Returns whether the round is finished.

    Raises:
        UserError: if there is no VAE.
    """
    plan = recipe.train_decoder[number - 1]
    torch.manual_seed(plan.seed)
    vae = load_vae(recipe, _folder_of("vae.safetensors", recipe.vae_name, run.out))
    for part in encoder_parts(vae):
        part.requires_grad_(False)
    return _train_vae(vae, recipe, plan, stage_name("decoder", number), run, latent_scale(vae))


def _train_vae(
    vae: nn.Module, recipe: Recipe, plan: Training, stage: str, run: Run, scaling_factor: float | None = None
) -> bool:
    """Without a `scaling_factor` the measured one is saved: that of unit variance. The figures are of what is saved."""
    trained = Autoencoder(vae, PatchCritic() if plan.adversarial else None).to(run.device)
    session = run.session(recipe, trained, plan, stage)
    pool = render_pool(recipe, run.clips, run.device)
    predicted = _predicted(RECIPES[plan.denoised_by], plan.seed, pool, run) if plan.denoised_by else None
    train_vae(trained, pool, recipe, session, predicted)
    session.save()
    average = session.average
    assert isinstance(average, Autoencoder)
    held_out = render_pool(recipe, HELD_OUT, run.device, HELD_OUT_OFFSET)
    if scaling_factor is None and isinstance(average.vae, OpenSoraVAE):
        normalise(average.vae, held_out.pixels(torch.arange(len(held_out), device=run.device)))
    figures, folder = measure_vae(average.vae, held_out), run.out / recipe.name
    scaling_factor = figures["scaling_factor"] if scaling_factor is None else scaling_factor
    save_vae(average.vae, scaling_factor, folder, storage=recipe.vae_storage)
    if recipe.vae_storage == "int8":
        figures = measure_vae(load_vae(recipe, folder).to(run.device).eval(), held_out)
    _record(folder, stage, plan.seed, run.clips, session, figures)
    return session.finished


def _predicted(recipe: Recipe, seed: int, pool: Pool, run: Run) -> Tensor:
    """The pool's latents as a trained model predicts them, unscaled."""
    vae = load_vae(recipe, _folder_of("vae.safetensors", recipe.vae_name, run.out))
    denoiser, condition = load_denoiser(recipe, _folder_of("denoiser.safetensors", recipe.name, run.out))
    if isinstance(condition, PhotoEncoder):
        condition.attach_backbone()
    for module in (vae, denoiser, condition):
        module.to(run.device).eval().requires_grad_(False)
    data = encode_pool(recipe, vae, condition, pool)
    latents = predicted_latents(recipe, denoiser, condition, data, seed)
    return latents.div_(latent_scale(vae))


def run_denoiser(recipe: Recipe, number: int, run: Run) -> bool:
    """One run of a round of the denoiser's training. Returns whether the round is finished.

    Raises:
        UserError: if there is no VAE or nothing to start a later round from, or `cache` holds another pool.
    """
    out, device, clips = run.out, run.device, run.clips
    plan, stage = recipe.train_denoiser[number - 1], stage_name("denoiser", number)
    torch.manual_seed(plan.seed)
    vae_folder = _folder_of("vae.safetensors", recipe.vae_name, out)
    vae = load_vae(recipe, vae_folder).to(device).eval().requires_grad_(False)
    if number == 1:
        denoiser, condition = build_denoiser(recipe), build_condition(recipe)
    else:
        denoiser, condition = load_denoiser(recipe, _folder_of("denoiser.safetensors", recipe.name, out))
    denoiser, condition = denoiser.to(device), condition.to(device)
    encoder = build_condition(recipe).to(device)
    if isinstance(encoder, PhotoEncoder):
        encoder.attach_backbone()
    key = pool_key(recipe, clips, vae_folder / "vae.safetensors")
    data = cached_pool(
        run.cache, key, lambda: encode_pool(recipe, vae, encoder, render_pool(recipe, clips, device)), device
    )
    held_out = encode_pool(recipe, vae, encoder, render_pool(recipe, HELD_OUT, device, HELD_OUT_OFFSET))
    if isinstance(condition, PhotoEncoder) and number == 1:
        condition.scale.copy_(data["tokens"][:2000].float().std())
    objective = Objective(recipe, denoiser, condition)
    session = run.session(recipe, objective, plan, stage)
    train_denoiser(objective, data, session, compiled=run.compiled)
    session.save()
    average = session.average
    assert isinstance(average, Objective)
    save_denoiser(average.denoiser, average.condition, out / recipe.name, storage=recipe.storage)
    if recipe.storage == "int8":
        stored = (part.to(device).eval() for part in load_denoiser(recipe, out / recipe.name))
        average = Objective(recipe, *stored)
    figures = {"held_out_loss": measure_denoiser(average, held_out, plan.seed)}
    _record(out / recipe.name, stage, plan.seed, clips, session, figures)
    return session.finished


def run_purifier(purifier: Purifier, run: Run) -> bool:
    """One run of the training of a purifier's network. Returns whether it is finished."""
    plan, folder = purifier.train, run.out / purifier.name
    torch.manual_seed(plan.seed)
    kind = OBJECTIVES[purifier.task]
    objective = kind(build_purifier(purifier), plan).to(run.device)
    session = run.session(purifier, objective, plan, "network")
    train_purifier(
        objective, render_photos(SIZE, run.clips, run.device, purifiers.PEOPLE), session, compiled=run.compiled
    )
    session.save()
    average = session.average
    assert isinstance(average, kind)
    write_network(average.network, folder)
    stored = kind(load_purifier(purifier.name, folder), plan).to(run.device)
    figures = measure_purifier(stored, render_photos(SIZE, 2 * HELD_OUT, run.device, purifiers.PEOPLE_HELD_OUT))
    _record(folder, "network", plan.seed, run.clips, session, figures)
    _write_card(folder, card_of(purifier, stored.network, figures))
    return session.finished


def run_protector(protector: Protector, run: Run) -> bool:
    """One run of the training of a protector's network. Returns whether it is finished."""
    plan, folder, device = protector.train, run.out / protector.name, run.device
    torch.manual_seed(plan.seed)
    victim = Victim(protector.victim, device)
    objective = ProtectorObjective(OnePass(protector.network), protector, victim).to(device)
    session = run.session(protector, objective, plan, "network")
    data = victim.encode(render_pool(victim.recipe, run.clips, device, protectors.PEOPLE))
    train_protector(objective, data, session, compiled=run.compiled)
    session.save()
    average = session.average
    assert isinstance(average, ProtectorObjective)
    write_network(average.network, folder)
    stored = ProtectorObjective(load_protector(protector.name, folder), protector, victim).to(device)
    held_out = victim.encode(render_pool(victim.recipe, HELD_OUT, device, protectors.PEOPLE_HELD_OUT))
    figures = measure_protector(stored, held_out)
    _record(folder, "network", plan.seed, run.clips, session, figures)
    _write_card(folder, card_of_protector(protector, stored.network, figures))
    return session.finished


def run_quality(plan_of: Quality, run: Run) -> bool:
    """One run of the training of a quality network. Returns whether it is finished."""
    plan, folder = plan_of.train, run.out / plan_of.name
    torch.manual_seed(plan.seed)
    objective = QualityObjective(RatingNet(plan_of.widths)).to(run.device)
    session = run.session(plan_of, objective, plan, "network")
    train_quality(objective, render_photos(quality.SIZE, run.clips, run.device, quality.PEOPLE), session)
    session.save()
    average = session.average
    assert isinstance(average, QualityObjective)
    write_network(average.network, folder)
    stored = load_quality(plan_of.name, folder).to(run.device)
    held_out = render_photos(quality.SIZE, HELD_OUT, run.device, quality.PEOPLE_HELD_OUT)
    figures = measure_quality(stored, held_out, plan.seed)
    _record(folder, "network", plan.seed, run.clips, session, figures)
    _write_card(folder, card_of_quality(plan_of, stored, figures))
    return session.finished


def _write_card(folder: Path, card: dict[str, Any]) -> None:
    (folder / "card.json").write_text(json.dumps(card, indent=1) + "\n")


def stage_name(stage: str, number: int) -> str:
    """What `training.json` calls a round of a stage: "denoiser", "denoiser-2" and so on."""
    return stage if number == 1 else f"{stage}-{number}"


def rounds(plans: tuple[Training, ...], chosen: int | None) -> Iterable[int]:
    """The numbers of the rounds to take, from 1; none of a stage that a model does not have.

    Raises:
        UserError: if `chosen` is not one of them.
    """
    numbers = range(1, len(plans) + 1)
    if chosen is None or not plans:
        return numbers
    if chosen not in numbers:
        raise UserError(f"there is no round {chosen}: this stage has {len(plans)}")
    return (chosen,)


def _folder_of(file: str, name: str, out: Path) -> Path:
    """Where a model's weights are: trained in `out`, else shipped."""
    return out / name if (out / name / file).is_file() else weights_folder(name)


def _record(folder: Path, stage: str, seed: int, clips: int, session: Session, figures: dict[str, float]) -> None:
    path = folder / "training.json"
    record: dict[str, Any] = {}
    if path.is_file():
        record = json.loads(path.read_text())
    elif stage not in FIRST_STAGES:  # goes on from shipped weights; a first stage may be of a model that has none yet
        record = json.loads((weights_folder(folder.name) / "training.json").read_text())
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    record[stage] = {
        "seed": seed,
        "steps": session.step,
        "of": session.total,
        "batch": session.plan.batch,
        "clips": clips,
        "device": device,
        "minutes": round((session.spent + session.elapsed) / 60, 1),
        **{name: round(value, 4) for name, value in figures.items()},
    }
    path.write_text(json.dumps(record, indent=1) + "\n")
    session.log(f"{stage}: {json.dumps(record[stage])}")


def main(arguments: list[str] | None = None) -> int:
    """The command line. Exit code 0 when the model is finished, 1 when another run is needed."""
    parser = argparse.ArgumentParser(prog="python -m antibench.zoo.train", description=__doc__)
    parser.add_argument("name", choices=sorted([*RECIPES, *PURIFIERS, *PROTECTORS, *QUALITIES]))
    parser.add_argument("--stage", choices=("vae", "denoiser", "both", "decoder", "network"), help="default both")
    parser.add_argument("--round", type=int, help="one round of the stage; default all")
    parser.add_argument("--out", type=Path, default=Path("zoo-training"), help="folder of weights and states")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop this run after so long (a stage)")
    parser.add_argument("--fit", type=float, default=0.0, help="take as many steps as the pace allows in so long")
    parser.add_argument("--clips", type=int, help=f"clips rendered to train on, or photos; {POOL} or {PHOTOS}")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--no-compile", action="store_true")
    parser.add_argument("--cuda-graph", action="store_true", help="replay each step as one CUDA graph (experimental)")
    parser.add_argument("--cache", type=Path, help="file to keep the denoiser's encoded clips in, for another run")
    given = parser.parse_args(arguments)
    device, of_purifier = torch.device(given.device), given.name in PURIFIERS
    torch.backends.cudnn.benchmark = True
    torch.set_float32_matmul_precision("high")
    compiled = not given.no_compile and device.type == "cuda"
    clips = given.clips or (PHOTOS if of_purifier else POOL)
    run = Run(given.out, device, given.seconds, given.fit, clips, given.cuda_graph, compiled, given.cache)
    try:
        if given.name not in RECIPES:
            finished = _only_stage(given.name, given.stage, given.round, run)
        else:
            finished = _stages(RECIPES[given.name], given.stage or "both", given.round, run)
    except UserError as error:
        parser.error(str(error))
    return 0 if finished else 1


def _only_stage(name: str, asked: str | None, number: int | None, run: Run) -> bool:
    if asked not in (None, "network") or number not in (None, 1):
        raise UserError(f"{name} has the one stage `network`, of one round")
    if name in QUALITIES:
        return run_quality(QUALITIES[name], run)
    return run_purifier(PURIFIERS[name], run) if name in PURIFIERS else run_protector(PROTECTORS[name], run)


def _stages(recipe: Recipe, asked: str, number: int | None, run: Run) -> bool:
    """The rounds that are asked for, until one is not finished. Returns whether all are."""
    stages: dict[str, tuple[tuple[Training, ...], Callable[[Recipe, int, Run], bool]]] = {
        "vae": (recipe.train_vae, run_vae),
        "decoder": (recipe.train_decoder, run_decoder),
        "denoiser": (recipe.train_denoiser, run_denoiser),
    }
    if asked == "network":
        raise UserError(f"{recipe.name} has no stage `network`, but {', '.join(stages)}")
    finished = True
    for stage in ("vae", "denoiser") if asked == "both" else (asked,):
        plans, train_round = stages[stage]
        for one in rounds(plans, number):
            finished = finished and train_round(recipe, one, run)
    return finished


if __name__ == "__main__":
    raise SystemExit(main())
