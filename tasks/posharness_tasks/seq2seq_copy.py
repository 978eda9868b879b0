"""Copy across two sequences: the decoder repeats the symbols between brackets in the encoder's sequence."""

from __future__ import annotations

from posharness_tasks._placing import geometric_distances
from posharness_tasks._seq2seq import SymbolSpan


class Seq2SeqCopy(SymbolSpan):
    """The decoder emits the L symbols between the two brackets of the memory, first to last.

    With L = 3 and the decoder's start mark "|":

        memory     c a [ d a b ] c d d        a [ b d c ] b a c d
        decoder    | d a                      | b d
        answers    d a b                      b d c

    At t the decoder emits the symbol at s + t of the memory, where s is the position after the opening
    bracket. The dependency length is s, the difference of the two positions, each counted from 0 at the
    start of its own sequence; it is the same for all symbols of a sequence. It is drawn first, uniformly
    from distances that grow by factors of √2 as far as the memory allows. The emitting positions are always
    0 to L − 1.

    The source is the symbol's position in the memory. The L symbols are different and drawn uniformly. The
    filler consists of the same symbols, so knowing which symbols a memory holds does not help: only the
    brackets give the answer.

    Token ids: the symbols, the two brackets, the start mark.
    """

    name = "seq2seq_copy"
    summary = "Copy the symbols between brackets from the encoder's sequence"
    objective = "copy"

    @staticmethod
    def order_of(payload: int) -> tuple[int, ...]:
        return tuple(range(payload))

    def distances(self, length: int) -> list[int]:
        return geometric_distances(1, length - len(self.order) - 1)
