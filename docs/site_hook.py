"""The site's hook: adds the pages that are made from the code, and those of design/."""

from pathlib import Path
from typing import Any, Final

from properdocs.structure.files import File, Files

from docs.generate import commands, filters, recipe, tables

ROOT: Final = Path(__file__).parents[1]
GENERATED: Final = {
    "reference/recipe.md": recipe.page,
    "reference/commands.md": commands.page,
    "reference/tables.md": tables.page,
    "reference/filters.md": filters.page,
}


def on_files(files: Files, config: Any) -> Files:
    """Add the generated pages, and those of design/."""
    for path, page in GENERATED.items():
        files.append(File.generated(config, path, content=page()))
    for source in sorted((ROOT / "design").glob("*.md")):
        text = source.read_text(encoding="utf-8").replace("](../docs/", "](../")
        files.append(File.generated(config, f"design/{source.name}", content=text))
    return files


def on_config(config: Any) -> Any:
    """Put pages of docs/ that the menu does not name under "How to", by their headings."""
    listed = str(config["nav"])
    [how_to] = [section["How to"] for section in config["nav"] if "How to" in section]
    for page in sorted((ROOT / "docs").glob("*.md")):
        if f"'{page.name}'" not in listed:
            how_to.append({page.read_text(encoding="utf-8").split("\n", 1)[0].removeprefix("# "): page.name})
    return config


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Links from docs/ to design/ hold in the repository and on the site."""
    return markdown.replace("](../design/", "](design/") if "/" not in page.file.src_uri else markdown
