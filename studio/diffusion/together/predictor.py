"""What several samplings ask of UNets, computed in as few calls as can be."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch

from studio.diffusion.attention import Memory
from studio.diffusion.denoiser import Steering
from studio.diffusion.guidance.memory import free_memory, needed
from studio.diffusion.together.apart import Apart, same_bits
from studio.diffusion.vae.memory import is_out_of_memory, release
from studio.values import Model

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from torch import Tensor

    from studio.diffusion.denoiser import LiveModel
    from studio.diffusion.store import ModelStore
    from studio.diffusion.together.apart import Key, Way
    from studio.values import CheckpointRef, LoraRef

    Weights = tuple[CheckpointRef, tuple[LoraRef, ...]]

_BATCHES = 4
"""Compositions of which the texts are kept: samplers with halves apart take turns between two."""

_IN_CACHE = 1 << 18
"""Numbers of the first block, a thread, up to which a larger call is faster on a CPU. Beyond it
activations fall out of the processor's cache: a picture of the pocket at 128 x 128 takes 20.6 ms a
step by itself, 14.9 in a call for four, 13.6 for eight, 13.1 for sixteen, 13.7 for 32 (one thread;
two: 22.9, 13.7, 10.5, 9.6, 9.2). At 256 x 256 there is little to gain, and one picture of Stable
Diffusion 1.5 at 512 x 512 has eight times as many by itself."""


@dataclass(frozen=True, slots=True, eq=False)
class Ask:
    """One call of a UNet that somebody waits for.

    Args:
        weights: whose UNet: checkpoint and LoRAs.
        seen: [n, C, h, w] in the model's dtype, on its device.
        timestep: of no dimension.
        steering: what it is told beside; n of everything.
    """

    weights: Weights
    seen: Tensor
    timestep: Tensor
    steering: Steering

    @property
    def shapes(self) -> Hashable:
        """Those that can be computed in one call have it in common."""
        told = [getattr(self.steering, name) for name in _TOLD]
        return (
            self.weights,
            self.seen.shape[1:],
            *(None if each is None else each.shape[1:] for each in told),
        )


_TOLD = tuple(field.name for field in fields(Steering) if field.name != "memory")


class Predictor:
    """Computes what is asked. Remembers what it learnt of a model store's UNets.

    Args:
        store: of the models.
    """

    def __init__(self, store: ModelStore) -> None:
        self.store = store
        self.exact = store.device.type == "cpu"
        self.limit: int | None = None
        """Asks in a call, at most."""
        self.calls = 0
        """Calls of UNets so far."""
        self._most: dict[Hashable, int] = {}
        self._ways: dict[Key, Way] = {}
        self._checked: WeakKeyDictionary[object, dict[Hashable, bool]] = WeakKeyDictionary()
        self._told: OrderedDict[tuple[int, ...], tuple[list[Steering], Steering]] = OrderedDict()
        self._loaded: tuple[Weights, LiveModel] | None = None

    def load(self, recipe: Model, live: LiveModel) -> None:
        """Note that the store has just made `live` of a recipe: its LoRAs are in place."""
        self._loaded = (recipe.checkpoint, recipe.loras), live

    def forget(self) -> None:
        """Let go of texts and models; what was learnt stays."""
        self._told.clear()
        self._loaded = None

    def __call__(self, asks: Sequence[Ask]) -> list[Tensor | Exception]:
        """What the UNets say to each, in order; where that failed, the error."""
        groups: dict[Hashable, list[int]] = {}
        for place, ask in enumerate(asks):
            groups.setdefault(ask.shapes, []).append(place)
        found: dict[int, Tensor | Exception] = {}
        with torch.no_grad():
            for shapes, places in groups.items():
                answers = self._group(shapes, [asks[place] for place in places])
                found.update(zip(places, answers, strict=True))
        return [found[place] for place in range(len(asks))]

    def _group(self, shapes: Hashable, asks: Sequence[Ask]) -> list[Tensor | Exception]:
        """Answers of asks that fit into one call, in parts that memory has room for."""
        try:
            live = self._live(asks[0].weights)
        except Exception as error:
            return [error] * len(asks)
        answers: list[Tensor | Exception] = []
        while rest := asks[len(answers) :]:
            part = rest[: self._room(live, shapes, rest[0].seen)]
            try:
                answers += self._together(live, shapes, part)
            except Exception as error:
                if is_out_of_memory(error):
                    self._most[shapes] = len(part) // 2
                else:
                    # Somebody's fault, and the others' pictures shouldn't suffer from it.
                    for one in part:
                        answers += self._alone(live, one)
            if self.store.device.type != "cpu" and shapes in self._most:
                release(self.store.device)
        return answers

    def _live(self, weights: Weights) -> LiveModel:
        if self._loaded is None or self._loaded[0] != weights:
            recipe = Model(*weights)
            self.load(recipe, self.store.model(recipe))
        assert self._loaded is not None
        return self._loaded[1]

    def _room(self, live: LiveModel, shapes: Hashable, seen: Tensor) -> int:
        """How many asks like this one go into a call: at least one."""
        cells = seen.shape[0] * seen.shape[-2] * seen.shape[-1]
        if live.device.type == "cpu":
            room = _IN_CACHE * torch.get_num_threads() // (cells * live.base_width)
        else:
            free = free_memory(live.device)
            room = 1 << 16 if free is None else free // max(1, needed(live, cells))
        return max(1, min(room, self._most.get(shapes, room), self.limit or room))

    def _alone(self, live: LiveModel, ask: Ask) -> list[Tensor | Exception]:
        try:
            self.calls += 1
            return [live.predict(ask.seen, ask.timestep, ask.steering)]
        except Exception as error:
            return [error]

    def _together(
        self, live: LiveModel, shapes: Hashable, asks: Sequence[Ask]
    ) -> list[Tensor | Exception]:
        if len(asks) == 1:
            return self._alone(live, asks[0])
        sizes = [len(ask.seen) for ask in asks]
        if not self.exact:
            return list(torch.split(self._one_call(live, asks), sizes))
        checked = self._checked.setdefault(live.unet, {})
        trial = shapes, tuple(sizes), torch.get_num_threads()
        if checked.get(trial, True):
            with Apart(sizes, self._ways):
                answers = torch.split(self._one_call(live, asks), sizes)
            if trial not in checked:
                # Three of them tell: how the operations of `Apart` depend on the place in the batch
                # has been compared for all, and this finds operations that it doesn't know.
                some = {0, len(asks) // 2, len(asks) - 1}
                checked[trial] = all(
                    same_bits(answers[place], self._single(live, asks[place])) for place in some
                )
            if checked[trial]:
                return list(answers)
        return [answer for ask in asks for answer in self._alone(live, ask)]

    @staticmethod
    def _single(live: LiveModel, ask: Ask) -> Tensor:
        # With a memory of its own, that goes: what it holds won't be needed again.
        return live.predict(ask.seen, ask.timestep, replace(ask.steering, memory=Memory()))

    def _one_call(self, live: LiveModel, asks: Sequence[Ask]) -> Tensor:
        timesteps = [ask.timestep.expand(len(ask.seen)) for ask in asks]
        told = self._steering([ask.steering for ask in asks])
        self.calls += 1
        return live.predict(torch.cat([ask.seen for ask in asks]), torch.cat(timesteps), told)

    def _steering(self, parts: list[Steering]) -> Steering:
        """What all are told, in one batch; kept, with what attention makes of it."""
        key = tuple(map(id, parts))
        if key in self._told:
            self._told.move_to_end(key)
            return self._told[key][1]
        joined: dict[str, Any] = {
            name: None
            if getattr(parts[0], name) is None
            else torch.cat([getattr(part, name) for part in parts])
            for name in _TOLD
        }
        whole = Steering(**joined)
        self._told[key] = parts, whole  # the parts too, or others might get their ids
        if len(self._told) > _BATCHES:
            self._told.popitem(last=False)
        return whole
