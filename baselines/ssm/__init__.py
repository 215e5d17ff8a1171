"""Statistical shape model of the training subjects, fitted to the observation."""
