"""A job ID that is a number, as in the Python bindings of Flux."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fluxapi.model import basemoji, mnemonic
from fluxapi.model import jobid as forms

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["JobID"]


class JobID(int):
    """A job ID: an ``int`` that prints as F58 and has the forms of RFC 19 as properties.

    It is made from a number or from text in any of these forms; other text raises ``ValueError``.
    """

    __slots__ = ()

    def __new__(cls, value: int | str) -> Self:
        """Return the job ID that *value* stands for."""
        return super().__new__(cls, value if isinstance(value, int) else forms.parse(value))

    def __str__(self) -> str:
        return self.f58

    def __repr__(self) -> str:
        return f"JobID({int(self)})"

    @property
    def dec(self) -> str:
        """The decimal form."""
        return f"{int(self)}"

    @property
    def f58(self) -> str:
        """The F58 form with the prefix ``ƒ``."""
        return forms.encode_fancy(self)

    @property
    def f58plain(self) -> str:
        """The F58 form with the prefix ``f``."""
        return forms.encode_f58(self)

    @property
    def hex(self) -> str:
        """The hexadecimal form with the prefix ``0x``."""
        return f"{int(self):#x}"

    @property
    def dothex(self) -> str:
        """The form ``xxxx.xxxx.xxxx.xxxx``."""
        digits = f"{int(self):016x}"
        return ".".join(digits[at : at + 4] for at in range(0, 16, 4))

    @property
    def kvs(self) -> str:
        """The name of the folder of the job in the KVS of Flux."""
        return f"job.{self.dothex}"

    @property
    def words(self) -> str:
        """The form of six words."""
        return mnemonic.encode(self)

    @property
    def emoji(self) -> str:
        """The form of emoji."""
        return basemoji.encode(self)
