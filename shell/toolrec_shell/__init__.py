"""The shell integrations: plain files that `toolrec init` prints; no Python besides this line."""
