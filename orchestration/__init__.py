"""When and with what: Dagster's definitions and the ``candor`` command line."""
