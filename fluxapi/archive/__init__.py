"""The history of jobs, which outlives the instance that ran them."""
