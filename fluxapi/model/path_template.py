"""The names of files with ``{{…}}`` tags, as the job shell renders them (``mustache.c``)."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["MAX_PATH_LENGTH", "Template", "Values"]

MAX_PATH_LENGTH = 4096
"""Characters of the longest path that a file can have."""

Values = Callable[[str], str | None]
"""Returns the value of a tag, or ``None`` if it has none."""


class Template:
    """The name of a file with ``{{…}}`` tags, which is split once for all of its renderings."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._pieces: list[str] = []
        """Plain text and tags in turn."""
        at = 0
        # Without an expression, whose search for the ends of many tags could take seconds.
        while (begin := text.find("{{", at)) >= 0 and (end := text.find("}}", begin + 2)) >= 0:
            self._pieces += [text[at:begin], text[begin + 2 : end]]
            at = end + 2
        self._pieces.append(text[at:])

    @property
    def tags(self) -> list[str]:
        """The names in the tags."""
        return self._pieces[1::2]

    def render(self, values: Values) -> str:
        """Replace the tags; one without a value stays as it is."""
        pieces = self._pieces.copy()
        for place, tag in enumerate(self.tags):
            found = values(tag)
            pieces[2 * place + 1] = f"{{{{{tag}}}}}" if found is None else found
        return "".join(pieces)[: MAX_PATH_LENGTH * 2]
