"""The same as JSON under `/api/v1`; one subject a file, each with a `router`."""
