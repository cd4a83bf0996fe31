"""A hook of mkdocs: links that leave docs/ become plain names, and each must lead to a file of the repository.

The built site holds docs/ alone. A link to a test or a schema works in the checkout, and would be dead there.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, Final

from mkdocs.exceptions import PluginError

ROOT: Final = Path(__file__).parents[1]
LINK: Final = re.compile(r"\[([^\]]*)\]\(((?:\.\./)+[^)#\s]+)(?:#[^)\s]*)?\)")


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Return the page with its outside links as names; raises `PluginError` for one that leads nowhere."""
    folder = Path(page.file.abs_src_path).parent

    def named(link: re.Match[str]) -> str:
        target = Path(os.path.normpath(folder / link[2]))
        if not target.exists():
            raise PluginError(f"{page.file.src_uri}: {link[2]} leads nowhere")
        if target.is_relative_to(ROOT / "docs"):
            return link[0]
        return f"{link[1]} (`{target.relative_to(ROOT)}`)"

    return LINK.sub(named, markdown)
