"""The task copy: repeat a payload after a gap."""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Int
from torch import Tensor

from posharness.contracts import Batch, Body, Change, Objective, Split, Task, UserError
from posharness_tasks._intervening import change_values, redraw_values
from posharness_tasks._naming import letters
from posharness_tasks._placing import draw_distances, geometric_distances, scored_batch


class Copy(Task):
    """Repeat a payload of L symbols in brackets after a gap and a separator, symbol by symbol.

    With L = 3, symbols a to e, the separator "|" and a longest gap of five (unscored answers are "."):

        tokens    e d b a c < a c a > e | a c          e < b d a > b c a e d | b d
        answers   . . . . . . . . . . . a c a          . . . . . . . . . . . b d a

    At the emitting positions, the decoder reads the separator and the symbols that it has already emitted
    (teacher forcing). The symbol at s + t is the answer at s + d + t, so the dependency length is d for all
    symbols of a sequence. It is drawn first, uniformly from distances that grow from L + 1 by factors of √2;
    filler before the payload makes up the length. The emitting positions are always the last L.

    The sources are the symbol and the closing bracket. The bracket is never farther than the symbol, and
    shows where the payload is, because L is the same in all sequences. (The opening bracket shows the same:
    it is not necessary, but lets a decoder count from the left.) All symbols, of payload and filler, are
    drawn independently and uniformly: whoever sees everything but the symbol is right by chance, whatever has
    been emitted before.

    With `varied`, there is no gap, a blank is the only filler, it is on both sides, and payloads vary in
    length, as in studies of whether copying generalises to longer payloads (2305.19466): sequences of the
    training length have payloads of 1 to `payload` symbols, uniformly; sequences of r times that length have
    r·`payload`. The dependency length is the payload's length, and the payload's position is uniform. Where
    the payload begins is shown by the opening bracket and by the blanks before it. These are farther than the
    symbol, but none of them is necessary by itself.

    Token ids: the symbols, the blank, the opening bracket, the closing bracket, the separator.
    """

    name = "copy"
    summary = "Repeat a payload after a gap"
    bodies = ("decoder",)
    autoregressive = True

    def __init__(
        self,
        body: Body,
        *,
        length: int = 48,
        payload: int = 8,
        symbols: int = 16,
        varied: bool = False,
        evaluation_lengths: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__(body)
        shortest = self.set_lengths(length, evaluation_lengths, factors=(1, 2))
        if symbols < 2 or payload < 1:
            raise UserError(
                f"copy[symbols={symbols},payload={payload}]: give two symbols or more and a payload of one "
                "or more."
            )
        brackets, wording = (1, "a bracket") if varied else (2, "two brackets")
        if shortest < (least := 2 * payload + brackets):
            raise UserError(
                f"copy: a sequence of {shortest} tokens is too short for a payload of {payload}, twice, and "
                f"{wording}; give lengths of {least} or more, or a smaller payload."
            )
        self.payload = payload
        self.symbols = symbols
        self.varied = varied
        self.blank, self.opening, self.closing, self.separator = range(symbols, symbols + 4)
        self.vocabulary = symbols + 4
        self.token_names = (*letters(symbols), "_", "<", ">", "|")
        self.objectives = (Objective("copy", classes=symbols, chance=1 / symbols),)

    def distances(self, length: int) -> list[int]:
        """The dependency lengths in sequences of `length` tokens, all equally likely."""
        if self.varied:
            payload = self.payload * length // self.length
            return list(range(1 if length == self.length else payload, payload + 1))
        return geometric_distances(self.payload + 1, length - self.payload - 1)

    def sample(self, generator: torch.Generator, n: int, length: int, split: Split) -> Batch:
        distance = draw_distances(generator, self.distances(length), n)
        if self.varied:
            return self._without_gap(generator, distance, length)
        due = torch.arange(length - self.payload, length)  # L
        source = due - distance  # n L
        closing = source[:, -1:] + 1
        tokens = torch.randint(self.symbols, (n, length), generator=generator)
        payload = tokens.gather(1, source)
        tokens.scatter_(1, source[:, :1] - 1, self.opening).scatter_(1, closing, self.closing)
        tokens[:, due[0]] = self.separator
        tokens[:, due[1:]] = payload[:, :-1]
        return scored_batch(
            tokens,
            due.expand(n, -1),
            targets=payload,
            distance=distance.expand_as(source),
            source=torch.stack([source, closing.expand_as(source)], -1),
        )

    def intervene(self, batch: Batch, generator: torch.Generator, what: Change) -> Batch | None:
        """Change all symbols of the payload, or draw the filler again; None where that is blank."""
        if what == "others" and self.varied:
            return None
        change = change_values if what == "source" else redraw_values
        changed = change(batch, generator, self.symbols)
        return replace(changed, tokens=_with_emitted(changed))

    def _without_gap(self, generator: torch.Generator, payload: Int[Tensor, "n 1"], length: int) -> Batch:
        """Sequences that repeat `payload` symbols directly after them."""
        n = len(payload)
        room = length - 2 * payload - 1
        start = (torch.rand(n, 1, generator=generator) * (room + 1)).long()
        separator = start + payload + 1
        symbols = torch.randint(self.symbols, (n, length), generator=generator)
        position = torch.arange(length)
        scored = (position >= separator) & (position < separator + payload)
        source = (position - payload).where(scored, -1)
        tokens = symbols.where((position > start) & (position < separator), self.blank)
        tokens.scatter_(1, start, self.opening).scatter_(1, separator, self.separator)
        batch = Batch(
            tokens=tokens,
            targets=tokens.gather(1, source.clamp(min=0)).where(scored, 0),
            scored=scored,
            dependency_length=payload.where(scored, -1),
            source=source[..., None],
        )
        return replace(batch, tokens=_with_emitted(batch))


def _with_emitted(batch: Batch) -> Int[Tensor, "b n"]:
    """The tokens as teacher forcing shows them: after an answer comes that answer, if another one is due."""
    after = batch.scored[:, 1:] & batch.scored[:, :-1]
    return torch.cat([batch.tokens[:, :1], batch.targets[:, :-1].where(after, batch.tokens[:, 1:])], 1)
