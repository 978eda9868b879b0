"""Copy across two sequences: the decoder repeats what stands between brackets in the encoder's sequence."""

from __future__ import annotations

from posharness.contracts import Body
from posharness_tasks._placing import ladder
from posharness_tasks._seq2seq import Marked


class SequenceCopy(Marked):
    """The L symbols between two brackets, in a memory full of symbols, one after the other.

    With L = 3 and the decoder's start mark "|":

        memory     c a [ d a b ] c d d        a [ b d c ] b a c d
        decoder    | d a                      | b d
        answers    d a b                      b d c

    The symbol at s + t of the memory is emitted at t of the decoder. Distance across the two sequences is
    the difference of these positions, each counted from 0 at the start of its own sequence: s, for all
    symbols of a sequence alike. It is drawn first, uniformly from a ladder that climbs by factors of √2
    as far as the memory admits. The emitting positions are the first L whatever the distance.

    The source is the symbol's position in the memory; brackets and filler are the frame that it stands in.
    The L symbols differ and are drawn uniformly. Filler consists of the same symbols, so that to know
    which symbols a memory holds does not help: only what stands between the brackets tells the answer.

    Token ids are the symbols, then the brackets and the start mark.
    """

    name = "seq2seq_copy"
    summary = "Repeat what stands between brackets in the encoder's sequence"

    def __init__(
        self,
        body: Body,
        *,
        length: int = 24,
        payload: int = 4,
        symbols: int = 12,
        evaluation_lengths: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__(
            body,
            length=length,
            evaluation_lengths=evaluation_lengths,
            order=tuple(range(payload)),
            words=symbols,
            objective="copy",
        )

    def distances(self, length: int) -> list[int]:
        return ladder(1, length - len(self.order) - 1)
