"""The corruption of the input in masked language modelling (1810.04805, section 3.1, task 1)."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from posharness_tasks.bert.vocabulary import FIRST_PIECE, MASK

__all__ = ["corrupt"]

_MASKED = 0.8
_REPLACED = 0.1


def corrupt(
    generator: torch.Generator,
    tokens: Int[Tensor, "b n"],
    words: Bool[Tensor, "b n"],
    *,
    rate: float,
    vocabulary: int,
    continuing: Bool[Tensor, "b n"] | None = None,
) -> tuple[Int[Tensor, "b n"], Bool[Tensor, "b n"]]:
    """Choose max(1, round(rate · m)) of the m tokens of each sequence, and hide most of them.

    Each chosen token, independently, becomes [MASK] with probability .8 and a uniformly drawn token that is
    not special with probability .1; otherwise it is unchanged.

    Args:
        words: True where a token may be chosen: not on special tokens, not on padding.
        continuing: True where a token continues the word of the one before; then whole words are chosen, see
            `_whole_words`. None to choose tokens independently.

    Returns:
        The corrupted tokens, and which ones were chosen: these are to be predicted.
    """
    wanted = (words.sum(1).double() * rate).round().long().clamp(min=1)
    keys = torch.rand(tokens.shape, generator=generator)
    if continuing is None:
        # The ranks of random keys are a random order; keys of the rest come after all of the words'.
        ranks = (keys + (~words).float() * 2).argsort(1).argsort(1)
        chosen = words & (ranks < wanted[:, None])
    else:
        chosen = _whole_words(keys, words, continuing, wanted)
    fate = torch.rand(tokens.shape, generator=generator)
    drawn = torch.randint(FIRST_PIECE, vocabulary, tokens.shape, generator=generator)
    corrupted = torch.where(chosen & (fate < _MASKED), MASK, tokens)
    replaced = chosen & (fate >= _MASKED) & (fate < _MASKED + _REPLACED)
    return torch.where(replaced, drawn, corrupted), chosen


def _whole_words(
    keys: Float[Tensor, "b n"],
    words: Bool[Tensor, "b n"],
    continuing: Bool[Tensor, "b n"],
    wanted: Int[Tensor, " b"],
) -> Bool[Tensor, "b n"]:
    """All tokens of words that are taken in a random order, a word that no longer fits being passed over.

    As in the original code, so that at most `wanted` tokens are chosen; but where no word is short enough
    one of the shortest is taken, so that something is predicted in every sequence.

    Args:
        keys: random; the key at index w decides on the w-th word of the sequence.
        wanted: how many tokens may be chosen.
    """
    length = words.shape[1]
    before = torch.nn.functional.pad(words, (1, 0))[:, :-1]
    word = (words & ~(continuing & before)).cumsum(1) - 1  # b n: the number of each token's word
    word = word.where(words, length)
    sizes = torch.zeros(len(words), length + 1, dtype=torch.long)
    sizes = sizes.scatter_add_(1, word, torch.ones_like(word))[:, :length]  # b w: tokens of each word
    sizes = sizes.where(sizes > 0, length)  # there are fewer words than places; these never fit
    room = torch.maximum(wanted, sizes.amin(1))
    taken = torch.zeros(len(words), length + 1, dtype=torch.bool)
    for place in keys.argsort(1).unbind(1):  # each b: one word of each sequence
        size = sizes.gather(1, place[:, None]).squeeze(1)
        fits = size <= room
        room = room - size * fits
        taken.scatter_(1, place[:, None], fits[:, None])
    return taken.gather(1, word)
