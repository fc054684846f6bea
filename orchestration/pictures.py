"""Pictures for the UI: a PNG becomes Markdown with the image inside."""

from __future__ import annotations

import base64

import dagster as dg


def picture(png: bytes, caption: str) -> dg.MarkdownMetadataValue:
    """Show a PNG in an asset's metadata; it must hold aggregates only, never a person's row."""
    encoded = base64.b64encode(png).decode("ascii")
    return dg.MetadataValue.md(f"![{caption}](data:image/png;base64,{encoded})")
