"""Templates of jobs, which are saved under a name to be submitted again."""
