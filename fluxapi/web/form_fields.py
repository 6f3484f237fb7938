"""The fields of the submit form: their order, sections and texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["FIELDS", "PARTS", "Section", "Shown"]

Section = Literal["what", "resources", "output", "advanced"]


@dataclass(frozen=True, slots=True)
class Shown:
    """The place of one field in the form, and the keys of its texts.

    Attributes:
        part: The part of the section that it is in, or an empty text.
        is_told: The help is always in sight, not only with the names of the API.
    """

    name: str
    section: Section
    part: str
    label: str
    help: str
    is_told: bool = False


PARTS = {
    "scheduling": "submit.part_scheduling",
    "shape": "submit.part_shape",
    "input": "submit.part_input",
    "instance": "submit.part_instance",
    "flux": "submit.part_flux",
}
"""The parts of the section Advanced, and the keys of their titles."""

FIELDS = (
    Shown("command", "what", "", "submit.label_command", "submit.help_command", is_told=True),
    Shown("script", "what", "", "submit.label_script", "submit.help_script", is_told=True),
    Shown(
        "script_args",
        "what",
        "",
        "submit.label_script_args",
        "submit.help_script_args",
        is_told=True,
    ),
    Shown("name", "what", "", "submit.label_name", "submit.help_name"),
    Shown("cwd", "what", "", "submit.label_cwd", "submit.help_cwd", is_told=True),
    Shown(
        "environment",
        "what",
        "",
        "submit.label_environment",
        "submit.help_environment",
        is_told=True,
    ),
    Shown("num_tasks", "resources", "", "submit.label_num_tasks", "submit.help_num_tasks"),
    Shown(
        "cores_per_task",
        "resources",
        "",
        "submit.label_cores_per_task",
        "submit.help_cores_per_task",
    ),
    Shown(
        "gpus_per_task", "resources", "", "submit.label_gpus_per_task", "submit.help_gpus_per_task"
    ),
    Shown(
        "num_slots",
        "resources",
        "",
        "submit.label_num_slots",
        "submit.help_num_slots",
        is_told=True,
    ),
    Shown(
        "cores_per_slot",
        "resources",
        "",
        "submit.label_cores_per_slot",
        "submit.help_cores_per_slot",
    ),
    Shown(
        "gpus_per_slot", "resources", "", "submit.label_gpus_per_slot", "submit.help_gpus_per_slot"
    ),
    Shown("num_nodes", "resources", "", "submit.label_num_nodes", "submit.help_num_nodes"),
    Shown("duration", "resources", "", "submit.label_duration", "submit.help_duration"),
    Shown("queue", "resources", "", "submit.label_queue", "submit.help_queue"),
    Shown("exclusive", "resources", "", "submit.label_exclusive", "submit.help_exclusive"),
    Shown("output", "output", "", "submit.label_output", "submit.help_output", is_told=True),
    Shown("error", "output", "", "submit.label_error", "submit.help_error", is_told=True),
    Shown("label_io", "output", "", "submit.label_label_io", "submit.help_label_io"),
    Shown("urgency", "advanced", "scheduling", "submit.label_urgency", "submit.help_urgency"),
    Shown("group", "advanced", "scheduling", "submit.label_group", "submit.help_group"),
    Shown("bank", "advanced", "scheduling", "submit.label_bank", "submit.help_bank"),
    Shown(
        "dependencies",
        "advanced",
        "scheduling",
        "submit.label_dependencies",
        "submit.help_dependencies",
        is_told=True,
    ),
    Shown(
        "constraints",
        "advanced",
        "scheduling",
        "submit.label_constraints",
        "submit.help_constraints",
        is_told=True,
    ),
    Shown(
        "num_cores",
        "advanced",
        "shape",
        "submit.label_num_cores",
        "submit.help_num_cores",
        is_told=True,
    ),
    Shown(
        "tasks_per_node",
        "advanced",
        "shape",
        "submit.label_tasks_per_node",
        "submit.help_tasks_per_node",
    ),
    Shown(
        "tasks_per_core",
        "advanced",
        "shape",
        "submit.label_tasks_per_core",
        "submit.help_tasks_per_core",
    ),
    Shown(
        "gpus_per_node",
        "advanced",
        "shape",
        "submit.label_gpus_per_node",
        "submit.help_gpus_per_node",
    ),
    Shown(
        "resources",
        "advanced",
        "shape",
        "submit.label_resources",
        "submit.help_resources",
        is_told=True,
    ),
    Shown("stdin", "advanced", "input", "submit.label_stdin", "submit.help_stdin", is_told=True),
    Shown("input", "advanced", "input", "submit.label_input", "submit.help_input"),
    Shown(
        "env_expand",
        "advanced",
        "input",
        "submit.label_env_expand",
        "submit.help_env_expand",
        is_told=True,
    ),
    Shown(
        "rlimits", "advanced", "input", "submit.label_rlimits", "submit.help_rlimits", is_told=True
    ),
    Shown(
        "script_name", "advanced", "instance", "submit.label_script_name", "submit.help_script_name"
    ),
    Shown("wrap", "advanced", "instance", "submit.label_wrap", "submit.help_wrap"),
    Shown("conf", "advanced", "instance", "submit.label_conf", "submit.help_conf", is_told=True),
    Shown(
        "broker_opts",
        "advanced",
        "instance",
        "submit.label_broker_opts",
        "submit.help_broker_opts",
        is_told=True,
    ),
    Shown("dump", "advanced", "instance", "submit.label_dump", "submit.help_dump"),
    Shown(
        "shell_options",
        "advanced",
        "flux",
        "submit.label_shell_options",
        "submit.help_shell_options",
        is_told=True,
    ),
    Shown(
        "attributes",
        "advanced",
        "flux",
        "submit.label_attributes",
        "submit.help_attributes",
        is_told=True,
    ),
    Shown(
        "jobspec", "advanced", "flux", "submit.label_jobspec", "submit.help_jobspec", is_told=True
    ),
    Shown(
        "is_launcher",
        "advanced",
        "flux",
        "submit.label_is_launcher",
        "submit.help_is_launcher",
        is_told=True,
    ),
    Shown("unbuffered", "advanced", "flux", "submit.label_unbuffered", "submit.help_unbuffered"),
    Shown("waitable", "advanced", "flux", "submit.label_waitable", "submit.help_waitable"),
    Shown("debug", "advanced", "flux", "submit.label_debug", "submit.help_debug"),
)
"""All fields, in the order of the form."""
