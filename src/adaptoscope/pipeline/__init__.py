"""The whole counting job: the order of the stages, how they resume, and what is reported."""
