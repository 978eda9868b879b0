"""The strata of the reading heads: coarse Universal Dependencies relations, by direction of the head."""

from __future__ import annotations

__all__ = ["ROOT", "STRATA", "stratum"]

_GROUPS = {
    "subject": ("nsubj", "csubj"),
    "object": ("obj", "iobj"),
    "oblique": ("obl",),
    "complement clause": ("ccomp", "xcomp"),
    "modifier clause": ("acl", "advcl"),
    "noun's noun": ("nmod", "appos", "nummod"),
    "modifier word": ("amod", "advmod"),
    "function word": ("aux", "case", "cc", "clf", "cop", "det", "mark"),
    "conjunct": ("conj",),
    "multiword": ("compound", "fixed", "flat", "goeswith"),
    "other": (),
}
_GROUP_OF = {relation: group for group, relations in _GROUPS.items() for relation in relations}
_SIDES = ("left", "right")

STRATA = (*(f"{group}, head {side}" for group in _GROUPS for side in _SIDES), "root")
"""Each group by each side, then the words that depend on none."""
ROOT = len(STRATA) - 1


def stratum(relation: str, dependent: int, head: int) -> int:
    """The index into `STRATA` of an arc between words numbered from 1; `head` 0 is the root.

    Subtypes are ignored ("nsubj:pass" is "nsubj"), and a relation of no group is "other". So is the root's
    own relation if a word is given as its head.
    """
    if head == 0:
        return ROOT
    group = _GROUP_OF.get(relation.partition(":")[0], "other")
    return STRATA.index(f"{group}, head {_SIDES[head > dependent]}")
