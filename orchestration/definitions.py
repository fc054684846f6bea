"""The one code location: what Dagster knows of Candor."""

import warnings

# dagster-dbt asks for sqlglot's old extra; sqlglot 29 works without it and says so at import.
warnings.filterwarnings("ignore", message=r"sqlglot\[rs\] is deprecated")
