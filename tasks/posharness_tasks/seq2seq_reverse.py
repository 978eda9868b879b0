"""Reverse across two sequences: the decoder emits the symbols between brackets from last to first."""

from __future__ import annotations

from posharness_tasks._seq2seq import SymbolSpan


class Seq2SeqReverse(SymbolSpan):
    """The decoder emits the L symbols between the two brackets of the memory, last to first.

    With L = 3 and the decoder's start mark "|":

        memory     c a [ d a b ] c d d        a [ b b c ] b a c d
        decoder    | b a                      | c b
        answers    b a d                      c b b

    At t the decoder emits the symbol at s + L − 1 − t of the memory, where s is the position after the
    opening bracket. The dependency length is |s + L − 1 − 2t|, the difference of the two positions, each
    counted from 0 at the start of its own sequence; it changes by two from symbol to symbol. s is drawn
    uniformly. Scored are the distances that are possible at every t: L to N − 2L in a memory of N tokens,
    each equally likely at each t. The scored symbols of a sequence are neighbours; the symbols before them
    are given.

    The sources are the symbol's position in the memory and the opening bracket. All symbols, in brackets and
    around them, are drawn independently and uniformly: whoever sees everything but the symbol in the memory
    is right by chance, whatever the decoder has emitted.

    Token ids: the symbols, the two brackets, the start mark.
    """

    name = "seq2seq_reverse"
    summary = "Reverse the symbols between brackets from the encoder's sequence"
    objective = "reverse"

    @staticmethod
    def order_of(payload: int) -> tuple[int, ...]:
        return tuple(reversed(range(payload)))
