"""The commands, one file each: ``COMMAND`` declares the command, ``add`` its arguments.

``make generate`` writes the list of commands to ``fluxapi/cli/command_index.py``. Only the
requested command is imported, so that no command loads the libraries of another.
"""
