"""Find any of many byte strings in one pass, whatever their number.

Every pattern is known by the eight bytes in its middle. All windows of eight bytes are looked up
at once in a table of slots (Rabin & Karp 1987, "Efficient randomized pattern-matching
algorithms", with a multiplicative hash), and the few that hit are compared in full.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import IO

import numpy as np
import numpy.typing as npt

from privacy.boundaries import BESIDE, is_digits_of_more, is_in_text, is_part_of_longer
from privacy.escapes import readings
from privacy.needles import Needles, spell

_WINDOW = 8
# Enough slots that few windows hit by chance, and as few as a processor's nearest memory holds.
_SLOTS_PER_PATTERN = 64
_FEWEST_SLOT_BITS, _MOST_SLOT_BITS = 12, 22
# Windows looked up at once: their hashes, too, must stay in near memory.
_BLOCK_WINDOWS = 32_768
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # Knuth's golden-ratio constant, TAOCP 3, section 6.4
_SECOND_SLOT_BITS = 26
_SECOND_MULTIPLIER = np.uint64(0xBF58476D1CE4E5B9)  # of SplitMix64, Steele et al. 2014
_CHUNK_BYTES = 8 * 1024 * 1024
# Characters of an escape of one: &#x0000000040; and a semicolon more that is escaped too.
_LONGEST_ESCAPE = 18
# Text holds none, and every file in which values may touch each other does.
_NUL = b"\0"

Cover = tuple[int, bytes]


class PatternIndex:
    """Byte strings prepared for :meth:`positions`."""

    def __init__(self, patterns: Iterable[bytes]) -> None:
        distinct = sorted(set(patterns))
        self.longest = max((len(pattern) for pattern in distinct), default=0)
        self._short = [pattern for pattern in distinct if len(pattern) < _WINDOW]
        self._by_anchor: dict[int, list[tuple[int, bytes]]] = {}
        for pattern in distinct:
            if len(pattern) >= _WINDOW:
                offset = (len(pattern) - _WINDOW) // 2
                anchor = int.from_bytes(pattern[offset : offset + _WINDOW], "little")
                self._by_anchor.setdefault(anchor, []).append((offset, pattern))
        self._anchors = np.array(sorted(self._by_anchor), dtype=np.uint64)
        self._bits = _bits_for(len(self._anchors))
        self._slots = np.zeros(1 << self._bits, dtype=np.bool_)
        self._slots[_slots_of(self._anchors, self._bits)] = True
        self._again = self._second_slots()

    def positions(self, chunk: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield every place where a pattern begins, with the pattern."""
        for pattern in self._short:
            yield from ((start, pattern) for start in _occurrences(chunk, pattern))
        if not self._by_anchor:
            return
        for shift in range(min(_WINDOW, max(len(chunk) - _WINDOW + 1, 0))):
            count = (len(chunk) - shift) // _WINDOW
            words = np.frombuffer(chunk, dtype="<u8", count=count, offset=shift)
            for first in range(0, count, _BLOCK_WINDOWS):
                hits = first + self._hits(words[first : first + _BLOCK_WINDOWS])
                yield from self._confirmed(chunk, words, hits, shift)

    def _hits(self, words: npt.NDArray[np.uint64]) -> npt.NDArray[np.intp]:
        """The places of the words that are the middle of some pattern."""
        likely = np.flatnonzero(self._slots[_slots_of(words, self._bits)])
        if self._again is not None:
            asked = _slots_of(words[likely], _SECOND_SLOT_BITS, _SECOND_MULTIPLIER)
            likely = likely[self._again[asked]]
        if not likely.size:
            return likely
        nearest = np.searchsorted(self._anchors, words[likely]) % self._anchors.size
        hits: npt.NDArray[np.intp] = likely[self._anchors[nearest] == words[likely]]
        return hits

    def _second_slots(self) -> npt.NDArray[np.bool_] | None:
        """A larger table for what passes the first, where there are too many patterns for that one.

        It lies in far memory; asked are only the windows that the first table lets through.
        """
        if self._bits < _MOST_SLOT_BITS:
            return None
        slots = np.zeros(1 << _SECOND_SLOT_BITS, dtype=np.bool_)
        slots[_slots_of(self._anchors, _SECOND_SLOT_BITS, _SECOND_MULTIPLIER)] = True
        return slots

    def _confirmed(
        self, chunk: bytes, words: npt.NDArray[np.uint64], hits: npt.NDArray[np.intp], shift: int
    ) -> Iterator[tuple[int, bytes]]:
        for hit in hits.tolist():  # the few windows that are some pattern's middle
            for offset, pattern in self._by_anchor[int(words[hit])]:
                start = hit * _WINDOW + shift - offset
                if start >= 0 and chunk.startswith(pattern, start):
                    yield start, pattern


@dataclass(frozen=True, slots=True)
class ByteScanner:
    """Counts traces of some values in bytes.

    Attributes:
        index: Every spelling in lower case: one pass over lowered bytes finds all.
        folded: The spellings that count in any letter case.
        plain: Those of them that are the value as text, which has an end.
        exact: The spellings that count as they are, by what they are in lower case.
        covers: Others' values that contain a spelling, and where in them it begins.
        counts: Whether a trace counts; asked with the bytes, its start and its end.
    """

    index: PatternIndex
    folded: frozenset[bytes]
    plain: frozenset[bytes]
    exact: Mapping[bytes, Sequence[bytes]]
    covers: Mapping[bytes, Sequence[Cover]]
    counts: Callable[[bytes, int, int], object] = lambda _text, _start, _end: True

    @classmethod
    def of(cls, needles: Needles) -> ByteScanner:
        """A scanner for every spelling of the values; those made last are kept, they are asked again."""
        return _scanner(needles)

    @classmethod
    def made_of(cls, needles: Needles) -> ByteScanner:
        """Prepare a scanner for every spelling of the values."""
        spelled = [spell(value) for value in sorted(needles.values)]
        folded = frozenset(pattern for spellings in spelled for pattern in spellings.folded)
        exact: dict[bytes, list[bytes]] = {}
        for pattern in sorted({pattern for spellings in spelled for pattern in spellings.exact}):
            exact.setdefault(pattern.lower(), []).append(pattern)
        plain = frozenset(pattern for spellings in spelled for pattern in spellings.plain)
        return cls(PatternIndex([*folded, *exact]), folded, plain, exact, _covers(needles))

    @property
    def overlap(self) -> int:
        """How many bytes two neighbouring chunks must share, others' values included."""
        widest = max(
            (len(cover) for covers in self.covers.values() for _, cover in covers), default=0
        )
        return max(self.index.longest, widest) + BESIDE

    def count(self, content: bytes) -> int:
        """How many traces the bytes hold, and what they read as once escapes are undone."""
        return self._count_layers(_Part(content, 0, len(content), 0, _NUL not in content))

    def count_stream(self, stream: IO[bytes]) -> int:
        """How many traces a stream holds; reads it to its end, a chunk at a time."""
        margin = self.overlap * _LONGEST_ESCAPE
        counted, pending, total, known, as_text = b"", b"", 0, 0, True
        while fresh := stream.read(_CHUNK_BYTES):
            pending += fresh
            as_text = as_text and _NUL not in fresh
            # A trace counts once its surroundings are in memory on both sides.
            ready = len(pending) - margin
            if ready > 0:
                chunk, floor = counted + pending, len(counted)
                total += self._count_layers(_Part(chunk, floor, floor + ready, known, as_text))
                counted, pending = chunk[: floor + ready][-margin:], pending[ready:]
                known = len(counted) + len(pending)
        chunk = counted + pending
        return total + self._count_layers(_Part(chunk, len(counted), len(chunk), known, as_text))

    def _count_layers(self, part: _Part) -> int:
        """How many traces a part holds, and how many more once escapes are undone."""
        written = self._count(part.content, part.floor, part.limit, as_text=part.as_text)
        hidden = self._count_hidden(part.content, as_text=part.as_text)
        if hidden and part.known:
            hidden -= self._count_hidden(part.content[: part.known], as_text=part.as_text)
        return written + max(hidden, 0)

    def _count_hidden(self, content: bytes, *, as_text: bool) -> int:
        """How many more traces there are in what the content reads as than in itself."""
        counts = [
            self._count(read_as, 0, len(read_as), as_text=as_text) for read_as in readings(content)
        ]
        if not any(counts):
            return 0
        return max(*counts, 0) - self._count(content, 0, len(content), as_text=as_text)

    def _count(self, chunk: bytes, floor: int, limit: int, *, as_text: bool) -> int:
        """How many traces begin at ``floor`` or later and before ``limit``."""
        lowered = chunk.lower()
        return sum(
            floor <= start < limit
            and not self._is_anothers(text, start, pattern)
            and not (as_text and self._is_part(chunk, start, pattern))
            and bool(self.counts(text, start, start + len(pattern)))
            for place, spelling in self.index.positions(lowered)
            for text, start, pattern in self._meant(chunk, lowered, place, spelling)
        )

    def _is_part(self, chunk: bytes, start: int, pattern: bytes) -> bool:
        """Whether a plain value in a line of text is a part of a longer one that nobody knows."""
        end = start + len(pattern)
        return (
            pattern in self.plain
            and is_part_of_longer(chunk, start, end)
            and is_in_text(chunk, start, end)
        )

    def _meant(
        self, chunk: bytes, lowered: bytes, start: int, spelling: bytes
    ) -> Iterator[tuple[bytes, int, bytes]]:
        """What a place in lowered bytes is a trace of, with the bytes in which it counts."""
        if spelling in self.folded:
            yield lowered, start, spelling
        for pattern in self.exact.get(spelling, ()):
            if chunk.startswith(pattern, start):
                yield chunk, start, pattern

    def _is_anothers(self, text: bytes, start: int, pattern: bytes) -> bool:
        """Whether the trace is a part of another person's value, or of a longer number."""
        if pattern.isdigit() and is_digits_of_more(text, start, start + len(pattern)):
            return True
        return any(
            start >= offset and text.startswith(cover, start - offset)
            for offset, cover in self.covers.get(pattern, ())
        )


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of some content.

    Attributes:
        content: Its bytes, with what surrounds it.
        floor: Where it begins among them.
        limit: Where it ends.
        known: How many of the first bytes were a part before.
        as_text: Whether values have an end in its lines of text; else they may touch each other.
    """

    content: bytes
    floor: int
    limit: int
    known: int
    as_text: bool


@lru_cache(maxsize=2)
def _scanner(needles: Needles) -> ByteScanner:
    return ByteScanner.made_of(needles)


def _bits_for(patterns: int) -> int:
    wanted = (patterns * _SLOTS_PER_PATTERN).bit_length()
    return max(_FEWEST_SLOT_BITS, min(wanted, _MOST_SLOT_BITS))


def _slots_of(
    words: npt.NDArray[np.uint64], bits: int, multiplier: np.uint64 = _MULTIPLIER
) -> npt.NDArray[np.uint64]:
    return (words * multiplier) >> np.uint64(64 - bits)


def _occurrences(text: bytes, pattern: bytes) -> Iterator[int]:
    start = text.find(pattern)
    while start >= 0:
        yield start
        start = text.find(pattern, start + 1)


def _covers(needles: Needles) -> dict[bytes, Sequence[Cover]]:
    """For each pattern, others' patterns that contain it and where in them it begins."""
    covers: dict[bytes, list[Cover]] = {}
    for other in sorted(needles.others):
        ours = [value for value in needles.values if value.lower() in other.lower()]
        for value in ours:
            _add_covers(covers, value, other)
    return dict(covers)


def _add_covers(covers: dict[bytes, list[Cover]], value: str, other: str) -> None:
    mine, theirs = spell(value), spell(other)
    for patterns, wholes in ((mine.folded, theirs.folded), (mine.exact, theirs.exact)):
        for pattern in patterns:
            found = [(at, whole) for whole in wholes for at in _occurrences(whole, pattern)]
            covers.setdefault(pattern, []).extend(found)
