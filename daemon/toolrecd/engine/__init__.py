"""The language model behind a process boundary: the only part that knows llama.cpp.

`supervisor` (in the daemon) keeps a `worker` process alive, which loads a model (`llama`) and ranks
with it (`ranker`). `jobs` is what passes between the two processes.
"""
