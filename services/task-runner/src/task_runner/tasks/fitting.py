"""Truncates payloads that exceed the size limit, the longest parts first, and records the truncation in them."""

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

MARKER = "truncated"
"""The member of a truncated payload that contains its original size, its hash and the truncated parts."""

MAX_CUTS = 20
SHORTEST_TEXT = 256
FEWEST_MEMBERS = 64
_TEXT_PER_ITEM = 64
_MAX_PLACE = 200
_LONGEST_BARE_NAME = 64

_encoder = msgspec.json.Encoder(order="sorted")


def fitted(payload: Mapping[str, Any], limit: int) -> dict[str, Any]:
    """Return the payload if it has at most ``limit`` bytes as JSON, else a truncated copy; both consist of JSON values.

    The largest n is used with which the copy fits: lists keep their first n items, strings their first 64 n characters
    (at least 256), objects their first n members (at least 64). So the longest parts are truncated first. The member
    ``truncated`` of the copy contains ``bytes`` and ``sha256`` of the original (compact JSON, sorted keys), the number
    of truncated parts (``shortened``), and path, kept length and original length of the first 20 (``cuts``). ``limit``
    must be large enough for that member: 64 KiB is always sufficient.
    """
    whole = _encoder.encode(payload)
    if len(whole) <= limit:
        return dict(payload)
    best = _cut_to(0, payload, whole, limit)
    if best is None:
        return _bare(payload, whole)
    fits, step = 0, 1
    while (candidate := _cut_to(fits + step, payload, whole, limit)) is not None:
        fits, step, best = fits + step, step * 2, candidate
    while step > 1:
        step //= 2
        candidate = _cut_to(fits + step, payload, whole, limit)
        if candidate is not None:
            fits, best = fits + step, candidate
    return best


def _cut_to(items: int, payload: Mapping[str, Any], whole: bytes, limit: int) -> dict[str, Any] | None:
    """Return the payload truncated to ``items``, None if it is still too large."""
    truncator = _Truncator(items)
    cut = {**truncator.cut(dict(payload), ""), MARKER: _marker(whole, truncator.count, truncator.cuts)}
    return cut if len(_encoder.encode(cut)) <= limit else None


class _Truncator:
    """One truncation of a payload; lists keep ``items`` items."""

    def __init__(self, items: int) -> None:
        self.items = items
        self.text = max(SHORTEST_TEXT, _TEXT_PER_ITEM * items)
        self.members = max(FEWEST_MEMBERS, items)
        self.count = 0
        self.cuts: list[dict[str, Any]] = []

    def cut(self, value: Any, place: str) -> Any:
        """Return the value with all its parts truncated."""
        if isinstance(value, str):
            return value if len(value) <= self.text else self._note(place, value, self.text, f"{value[: self.text]}…")
        if isinstance(value, list):
            kept = [self.cut(item, f"{place}[{index}]") for index, item in enumerate(value[: self.items])]
            return kept if len(value) <= self.items else self._note(place, value, self.items, kept)
        if isinstance(value, dict):
            kept = dict([self._member(name, value[name], place) for name in list(value)[: self.members]])
            return kept if len(value) <= self.members else self._note(place, value, self.members, kept)
        return value

    def _member(self, name: str, value: Any, place: str) -> tuple[str, Any]:
        name = name if len(name) <= self.text else f"{name[: self.text]}…"
        return name, self.cut(value, f"{place}.{name}" if place else name)

    def _note(self, place: str, value: Any, kept: int, result: Any) -> Any:
        self.count += 1
        if len(self.cuts) < MAX_CUTS:
            self.cuts.append({"at": place[:_MAX_PLACE], "kept": kept, "of": len(value)})
        return result


def _bare(payload: Mapping[str, Any], whole: bytes) -> dict[str, Any]:
    """Return only the numbers, Booleans and nulls of the outermost object, if nothing else fits."""
    plain = {
        name: value
        for name, value in payload.items()
        if len(name) <= _LONGEST_BARE_NAME and not isinstance(value, (str, list, dict))
    }
    first = dict(list(plain.items())[:FEWEST_MEMBERS])
    cut = {"at": "", "kept": len(first), "of": len(payload)}
    return {**first, MARKER: _marker(whole, 1, [cut])}


def _marker(whole: bytes, shortened: int, cuts: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "bytes": len(whole),
        "sha256": hashlib.sha256(whole).hexdigest(),
        "shortened": shortened,
        "cuts": cuts,
    }
