"""Reads fields of a provider's JSON. A field that is missing or has another type is ``DATA_INCOMPLETE``."""

from datetime import datetime
from typing import NoReturn

from task_runner.tasks.result import CannotTell

DATA_INCOMPLETE = "DATA_INCOMPLETE"


class Fields:
    """An object of a response; ``where`` is its name in messages.

    Every method that reads a field raises ``CannotTell`` ``DATA_INCOMPLETE`` if the field is missing or has another
    type. The methods ``…_or_none`` accept null, but not a missing field.
    """

    __slots__ = ("_values", "where")

    def __init__(self, value: object, where: str) -> None:
        self.where = where
        if not isinstance(value, dict):
            _incomplete(where, "an object", value)
        self._values = value

    def text(self, name: str) -> str:
        """Return a non-empty string."""
        value = self._value(name)
        return value if isinstance(value, str) and value else self._wrong(name, "a non-empty string")

    def text_or_none(self, name: str) -> str | None:
        """A text, which may be empty, or null."""
        value = self._value(name)
        return value if value is None or isinstance(value, str) else self._wrong(name, "a text or null")

    def optional_text(self, name: str) -> str:
        """Return a text that the check does without: empty if it is null or missing."""
        return (self.text_or_none(name) if self.has(name) else None) or ""

    def moment(self, name: str) -> datetime:
        """Return an ISO 8601 time with a time zone."""
        value = self.text(name)
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self._wrong(name, "a time in ISO 8601")
        return moment if moment.tzinfo else self._wrong(name, "a time with a time zone")

    def moment_or_none(self, name: str) -> datetime | None:
        """Return an ISO 8601 time with a time zone, or None."""
        return None if self._value(name) is None else self.moment(name)

    def flag(self, name: str) -> bool:
        """Return a Boolean."""
        value = self._value(name)
        return value if isinstance(value, bool) else self._wrong(name, "true or false")

    def flag_or_none(self, name: str) -> bool | None:
        """Return a Boolean, or None."""
        value = self._value(name)
        return value if value is None or isinstance(value, bool) else self._wrong(name, "true, false or null")

    def count(self, name: str) -> int:
        """Return a non-negative integer."""
        value = self._value(name)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            self._wrong(name, "a non-negative integer")
        return value

    def count_or_zero(self, name: str) -> int:
        """Return a non-negative integer; null is 0."""
        return 0 if self._value(name) is None else self.count(name)

    def at(self, name: str) -> "Fields":
        """Return an object."""
        return Fields(self._value(name), f"{self.where}.{name}")

    def at_or_none(self, name: str) -> "Fields | None":
        """Return an object, or None."""
        return None if self._value(name) is None else self.at(name)

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of strings."""
        value = self._value(name)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self._wrong(name, "a list of strings")
        return tuple(value)

    def texts_or_empty(self, name: str) -> tuple[str, ...]:
        """Return a list of strings; null is an empty list."""
        return () if self._value(name) is None else self.texts(name)

    def each(self, name: str) -> tuple["Fields", ...]:
        """Return a list of objects."""
        value = self._value(name)
        if not isinstance(value, list):
            self._wrong(name, "a list")
        return tuple(Fields(item, f"{self.where}.{name}[{index}]") for index, item in enumerate(value))

    def has(self, name: str) -> bool:
        """Return True if the field exists. Use it for fields that some clouds do not return."""
        return name in self._values

    def is_null(self, name: str) -> bool:
        """Return True if the field is null. The field must exist."""
        return self._value(name) is None

    def is_empty(self, name: str) -> bool:
        """Return True if the field is an empty list or object. The field must exist."""
        return self._value(name) in ([], {})

    def names(self) -> frozenset[str]:
        """Return the names of all fields."""
        return frozenset(self._values)

    def _value(self, name: str) -> object:
        if name not in self._values:
            self._wrong(name, "present")
        return self._values[name]

    def _wrong(self, name: str, expected: str) -> NoReturn:
        _incomplete(f"{self.where}.{name}", expected, self._values.get(name))


def only(items: tuple[Fields, ...], where: str) -> Fields:
    """Return the object of a list that must have exactly one. Raise ``CannotTell`` ``DATA_INCOMPLETE`` otherwise."""
    if len(items) != 1:
        raise CannotTell(DATA_INCOMPLETE, f"{where} should be one object; Microsoft Graph returned {len(items)}.")
    return items[0]


def _incomplete(where: str, expected: str, value: object) -> NoReturn:
    actual = "nothing" if value is None else type(value).__name__
    message = f"{where} should be {expected}; Microsoft Graph returned {actual}."
    raise CannotTell(DATA_INCOMPLETE, message, {"field": where})
