"""Submit with a name and a token.

Both come from the environment (FLUX_USER, and FLUX_TOKEN or FLUXAPI_TOKEN_FILE) or the config file:
they are neither in the program nor on its command line.
"""

import sys

from fluxapi.client import Client, Unauthorized

try:
    with Client() as flux:
        # Bearer tokens end by themselves: one of these is for who should not have the token itself.
        passing = flux.create_token()
    with Client(access_token=passing.token) as flux:
        job = flux.wait(flux.submit("echo let in"))
        print(flux.output(job.id).stdout, end="")
except Unauthorized as error:
    sys.exit(f"{error}")
