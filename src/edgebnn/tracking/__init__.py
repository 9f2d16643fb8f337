"""MLflow: records become runs (track) in a store that many processes share (store)."""
