"""The shell integrations, driven as a person drives them: keys go in, the screen is read."""
