"""Copies with gaps: written once for all who get the same words, then filled with what each person alone gets.

Whatever writes a copy knows nothing of it. It is given stand-ins, of the length of the real words and of letters and
digits like theirs, which every encoding but base64 leaves as they are; so the real words go in where the stand-ins
came out, between the same soft line breaks. A stand-in must be such that nobody can guess it.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

Piece = bytes | memoryview  # of a copy: ours as bytes, the sender's as views of the message

_SOFT = b"=\r\n"
_WORD = re.compile(r"[a-z0-9]{16,64}")


class Gap(NamedTuple):
    """The place of `word[start:end]` in a form, `word` being the number of a stand-in."""

    word: int
    start: int
    end: int


class StandIns:
    """Words that stand for those of one person: lower-case letters and digits, best with one first letter."""

    def __init__(self, *words: str) -> None:
        if not all(map(_WORD.fullmatch, words)):
            raise ValueError("a stand-in is of 16 to 64 letters and digits")
        self.words = words
        self.cut = lru_cache(maxsize=256)(self._cut)  # what was written comes again in other messages
        first = words[0][0] if len({word[0] for word in words}) == 1 else ""  # one letter is looked for much faster
        rests = ["(?:=\r\n)?".join(word).removeprefix(first) for word in words]
        self._broken = re.compile(f"{first}(?:({')|('.join(rests)}))".encode("ascii"))

    def _cut(self, written: bytes) -> tuple[list[bytes], list[tuple[int, Gap]]]:
        """Return in pieces what was written with stand-ins, and the gaps: which empty piece is which word's."""
        pieces: list[bytes] = []
        gaps: list[tuple[int, Gap]] = []
        last = 0
        for found in self._broken.finditer(written):
            pieces.append(written[last : found.start()])
            last, at = found.end(), 0
            for part in found[0].split(_SOFT):
                gaps.append((len(pieces), Gap((found.lastindex or 1) - 1, at, at + len(part))))
                pieces += (b"", _SOFT)
                at += len(part)
            pieces.pop()
        return [*pieces, written[last:]], gaps


class Form:
    """A copy with gaps."""

    __slots__ = ("_gaps", "_pieces")

    def __init__(self, pieces: Iterable[Piece], stand_ins: StandIns) -> None:
        self._pieces: list[Piece] = [b""]  # the first is what goes on top
        self._gaps: list[tuple[int, Gap]] = []
        for piece in pieces:
            if isinstance(piece, memoryview):
                self._pieces.append(piece)
            elif piece:
                parts, gaps = stand_ins.cut(piece)
                self._gaps += [(len(self._pieces) + place, gap) for place, gap in gaps]
                self._pieces += parts

    def filled(self, words: Sequence[bytes], top: bytes = b"") -> bytes:
        """Return the copy with `words` for the stand-ins, as long as those, and `top` before everything else."""
        pieces = self._pieces.copy()
        pieces[0] = top
        for place, (word, start, end) in self._gaps:
            pieces[place] = words[word][start:end]
        return b"".join(pieces)
