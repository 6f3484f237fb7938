"""The settings: one table, read from flags and the environment into an immutable object.

Precedence: flag, then environment variable, then default. An invalid value raises a
:class:`~fluxapi.errors.SettingsError` that names the flag, the variable and the valid values.
"""

from .address import Address, is_loopback
from .parse import Peer, is_prefix
from .setting import Setting
from .settings import Settings, add_arguments, exposed_files
from .table import TABLE

__all__ = [
    "TABLE",
    "Address",
    "Peer",
    "Setting",
    "Settings",
    "add_arguments",
    "exposed_files",
    "is_loopback",
    "is_prefix",
]
