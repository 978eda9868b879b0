"""A lexicon of a small fragment of English, as token ids."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

import torch
from jaxtyping import Int
from torch import Tensor

__all__ = ["ENGLISH", "Lexicon"]


@dataclass(frozen=True)
class Lexicon:
    """Classes of words. A word's token id is its index among all words.

    Attributes:
        classes: the words of each class, by the class's name.
    """

    classes: dict[str, tuple[str, ...]]

    @property
    def words(self) -> tuple[str, ...]:
        """Every word, by token id."""
        return tuple(chain.from_iterable(self.classes.values()))

    def first(self, name: str) -> int:
        """The token id of the first word of a class."""
        names = list(self.classes)
        return sum(len(self.classes[before]) for before in names[: names.index(name)])

    def draw(self, generator: torch.Generator, name: str, *shape: int) -> Int[Tensor, "*shape"]:
        """Draw words of a class, uniformly."""
        return self.first(name) + torch.randint(len(self.classes[name]), shape, generator=generator)

    def nouns(self, generator: torch.Generator, plural: Int[Tensor, "n k"]) -> Int[Tensor, "n k"]:
        """Draw nouns, uniformly, in the given number: 0 for singular, 1 for plural."""
        kinds = len(self.classes["noun"]) // 2
        return self.first("noun") + 2 * torch.randint(kinds, plural.shape, generator=generator) + plural


# All verbs but the one that is asked for are in the past tense, which does not show the number.
ENGLISH = Lexicon(
    {
        "verb slot": ("___",),
        "the": ("the",),
        "that": ("that",),
        "stop": (".",),
        "aside": ("well", "yes", "oh", "so"),
        "noun": (
            "dog", "dogs", "king", "kings", "girl", "girls", "bird", "birds",
            "farmer", "farmers", "cat", "cats", "friend", "friends", "tree", "trees",
        ),
        "preposition": ("near", "behind", "above", "beside"),
        "place": ("Paris", "Oslo", "Lima", "Kyoto"),
        "adjective": ("old", "quiet", "sunny", "new"),
        "saw": ("saw", "knew", "liked", "heard"),
        "slept": ("slept", "fell", "waited", "vanished"),
    }
)  # fmt: skip
