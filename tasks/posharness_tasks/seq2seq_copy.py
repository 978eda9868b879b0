"""Copy across two sequences: the decoder repeats the symbols between brackets in the encoder's sequence."""

from __future__ import annotations

from posharness_tasks._placing import geometric_distances
from posharness_tasks._seq2seq import SymbolSpan


class Seq2SeqCopy(SymbolSpan):
    """The decoder emits the L symbols between the two brackets of the memory, first to last.

    With L = 3 and the decoder's start mark "|":

        memory     c a [ d a b ] c d d        a a [ b b c ] b a c
        decoder    | d a                      | b b
        answers    d a b                      b b c

    At t the decoder emits the symbol at s + t of the memory, where s is the position after the opening
    bracket. The dependency length is s, the difference of the two positions, each counted from 0 at the
    start of its own sequence; it is the same for all symbols of a sequence. It is drawn first, uniformly
    from distances that grow by factors of √2 as far as the memory allows, from L/2, so that the bracket is
    never farther than the symbol. The emitting positions are always 0 to L − 1.

    The sources are the symbol's position in the memory and the opening bracket. All symbols, in brackets and
    around them, are drawn independently and uniformly: whoever sees everything but the symbol in the memory
    is right by chance, whatever the decoder has emitted.

    Token ids: the symbols, the two brackets, the start mark.
    """

    name = "seq2seq_copy"
    summary = "Copy the symbols between brackets from the encoder's sequence"
    objective = "copy"

    @staticmethod
    def order_of(payload: int) -> tuple[int, ...]:
        return tuple(range(payload))

    def distances(self, length: int) -> list[int]:
        payload = len(self.order)
        return geometric_distances((payload + 1) // 2, length - payload - 1)
