"""What the pages on operation say to type exists, and what they link to is there."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest
import typer.main
import yaml

from perennial.cli.main import app

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "docs" / name for name in ("operations.md", "security.md", "deploy.md")]
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
SERVICES = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())["services"]
RUNBOOK = [
    "breaker-open",
    "champion-bad",
    "monitor-silent",
    "store-full",
    "retraining-failed",
    "worker-lost",
    "mlflow-down",
    "clocks-apart",
    "versions-differ",
]


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_modules_services_and_scripts_exist(page):
    text = page.read_text()
    for command in re.findall(r"(?:tools |`)perennial ([a-z][a-z-]+)", text):
        assert command in COMMANDS
    for module in re.findall(r"python -m ([\w.]+)", text):
        assert importlib.util.find_spec(module)
    for service in re.findall(r"docker compose (?:exec|run --rm) ([a-z0-9-]+)", text):
        assert service in SERVICES
    for script in re.findall(r"deploy/[\w/]+\.sh", text):
        assert (ROOT / script).stat().st_mode & 0o100


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page):
    for target, anchor in re.findall(r"\]\(((?:[\w./-]+\.md)?)#?([\w-]*)\)", page.read_text()):
        linked = page.parent / target if target else page
        assert linked.is_file(), target
        assert not anchor or anchor in anchors(linked), f"{target}#{anchor}"


def test_the_runbook_has_what_alerts_lead_to():
    assert anchors(ROOT / "docs" / "operations.md") >= set(RUNBOOK)
