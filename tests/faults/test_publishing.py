"""Many processes that publish into one site at once."""

from pathlib import Path

import pytest

from tests.reports.publish.publishing import publish_together

pytestmark = pytest.mark.faults


def test_sixty_rounds_of_six_at_once_lose_no_report(tmp_path: Path) -> None:
    publish_together(60, tmp_path)
