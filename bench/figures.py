"""A measurement, and the table of all measurements."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["HEADER", "Figure", "render"]


@dataclass(frozen=True)
class Figure:
    """One measure beside its baseline of the same run.

    ``target`` bounds ``ratio`` (value / baseline): at least it, or with ``at_most`` at most.
    """

    name: str
    value: float
    unit: str
    baseline: str
    baseline_value: float
    target: float
    at_most: bool = False

    @property
    def ratio(self) -> float:
        """Return the value divided by its baseline."""
        return self.value / self.baseline_value

    @property
    def met(self) -> bool:
        """Return whether this run meets the target."""
        return self.ratio <= self.target if self.at_most else self.ratio >= self.target


HEADER = (
    "| measure | value | baseline of the same run | ratio | target |\n|---|---:|---:|---:|---:|"
)
"""The head of the Markdown table."""


def render(figure: Figure) -> str:
    """Return the row of a figure in the Markdown table."""
    bound = f"{'≤' if figure.at_most else '≥'} {figure.target:g}"
    return (
        f"| {figure.name} | {figure.value:,.4g} {figure.unit} "
        f"| {figure.baseline_value:,.4g} {figure.unit} ({figure.baseline}) "
        f"| {figure.ratio:.2f} | {bound}{'' if figure.met else ' — missed'} |"
    )
