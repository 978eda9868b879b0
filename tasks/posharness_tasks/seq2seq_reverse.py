"""Reverse across two sequences: the decoder emits backwards what the encoder's sequence has in brackets."""

from __future__ import annotations

from posharness.contracts import Body
from posharness_tasks._seq2seq import Marked


class SequenceReverse(Marked):
    """The L symbols between two brackets, in a memory full of symbols, the last one first.

    With L = 3 and the decoder's start mark "|":

        memory     c a [ d a b ] c d d        a [ b d c ] b a c d
        decoder    | b a                      | c d
        answers    b a d                      c d b

    The symbol at s + L − 1 − t of the memory is emitted at t of the decoder. Distance across the two
    sequences is the difference of these positions, each counted from 0 at the start of its own sequence:
    |s + L − 1 − 2t|, which shrinks by two from symbol to symbol. s is drawn uniformly, and scored are the
    distances that every t can have, from L to N − 2L in a memory of N tokens: each as often as any other,
    at each t. In a sequence they are neighbours; what the decoder reads before them is given.

    The source is the symbol's position in the memory; brackets and filler are the frame that it stands in.
    The L symbols differ and are drawn uniformly. Filler consists of the same symbols, so that to know
    which symbols a memory holds does not help: only what stands between the brackets tells the answer.

    Token ids are the symbols, then the brackets and the start mark.
    """

    name = "seq2seq_reverse"
    summary = "Emit backwards what stands between brackets in the encoder's sequence"

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
            order=tuple(reversed(range(payload))),
            words=symbols,
            objective="reverse",
        )
