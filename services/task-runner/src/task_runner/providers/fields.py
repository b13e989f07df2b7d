"""Reads fields out of a provider's JSON. What is missing or of another type is ``DATA_INCOMPLETE``, never a default."""

from datetime import datetime
from typing import NoReturn

from task_runner.tasks.result import CannotTell

DATA_INCOMPLETE = "DATA_INCOMPLETE"


class Fields:
    """An object of a response, read field by field; ``where`` names it in messages.

    Every method raises ``CannotTell`` ``DATA_INCOMPLETE`` when the field is missing or of another type. The ones named
    ``…_or_none`` accept null, but not that the field is missing.
    """

    __slots__ = ("_values", "where")

    def __init__(self, value: object, where: str) -> None:
        self.where = where
        if not isinstance(value, dict):
            _incomplete(where, "an object", value)
        self._values = value

    def text(self, name: str) -> str:
        """A text that is not empty."""
        value = self._value(name)
        return value if isinstance(value, str) and value else self._wrong(name, "a text")

    def text_or_none(self, name: str) -> str | None:
        """A text, which may be empty, or null."""
        value = self._value(name)
        return value if value is None or isinstance(value, str) else self._wrong(name, "a text or null")

    def moment(self, name: str) -> datetime:
        """A moment in ISO 8601 with its time zone."""
        value = self.text(name)
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self._wrong(name, "a moment in ISO 8601")
        return moment if moment.tzinfo else self._wrong(name, "a moment with its time zone")

    def moment_or_none(self, name: str) -> datetime | None:
        """A moment in ISO 8601 with its time zone, or null."""
        return None if self._value(name) is None else self.moment(name)

    def flag(self, name: str) -> bool:
        """True or false."""
        value = self._value(name)
        return value if isinstance(value, bool) else self._wrong(name, "true or false")

    def flag_or_none(self, name: str) -> bool | None:
        """True, false, or null."""
        value = self._value(name)
        return value if value is None or isinstance(value, bool) else self._wrong(name, "true, false or null")

    def count(self, name: str) -> int:
        """An integer that is not negative."""
        value = self._value(name)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            self._wrong(name, "a count")
        return value

    def at(self, name: str) -> "Fields":
        """An object in it."""
        return Fields(self._value(name), f"{self.where}.{name}")

    def at_or_none(self, name: str) -> "Fields | None":
        """An object in it, or null."""
        return None if self._value(name) is None else self.at(name)

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts."""
        value = self._value(name)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self._wrong(name, "a list of texts")
        return tuple(value)

    def each(self, name: str) -> tuple["Fields", ...]:
        """A list of objects."""
        value = self._value(name)
        if not isinstance(value, list):
            self._wrong(name, "a list")
        return tuple(Fields(item, f"{self.where}.{name}[{index}]") for index, item in enumerate(value))

    def has(self, name: str) -> bool:
        """True if the field exists; for fields that some clouds do not return."""
        return name in self._values

    def is_null(self, name: str) -> bool:
        """True if the field, which must exist, is null."""
        return self._value(name) is None

    def _value(self, name: str) -> object:
        if name not in self._values:
            self._wrong(name, "there")
        return self._values[name]

    def _wrong(self, name: str, wanted: str) -> NoReturn:
        _incomplete(f"{self.where}.{name}", wanted, self._values.get(name))


def only(items: tuple[Fields, ...], where: str) -> Fields:
    """The one object of a list that must have exactly one. Raises ``CannotTell`` ``DATA_INCOMPLETE``."""
    if len(items) != 1:
        raise CannotTell(DATA_INCOMPLETE, f"{where} should be one object; Microsoft Graph sent {len(items)}.")
    return items[0]


def _incomplete(where: str, wanted: str, value: object) -> NoReturn:
    got = "nothing" if value is None else type(value).__name__
    raise CannotTell(DATA_INCOMPLETE, f"{where} should be {wanted}; Microsoft Graph sent {got}.", {"field": where})
