"""The plugin that all packages of tests share."""

from __future__ import annotations

pytest_plugins = ["tests.plugin"]
