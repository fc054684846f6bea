from __future__ import annotations

from pathlib import Path

import pytest

from personalization import ContentConfig
from settings import ConfigurationError, load_config
from tests.conftest import ROOT

GOOD = "blocks:\n  home:\n    size: 4\n    pins: [c1, c2]\n    bans: [c3]\n"


@pytest.mark.parametrize(
    ("good", "bad", "said"),
    [
        pytest.param("size: 4", "size: 2", "more than size", id="room"),
        pytest.param("bans: [c3]", "bans: [c1]", "both pinned and banned", id="pin-and-ban"),
        pytest.param("size: 4", "sise: 4", "line 3, .*did you mean 'size'", id="misspelt"),
        pytest.param("size: 4", "size: 0", "line 3", id="size"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, good: str, bad: str, said: str) -> None:
    path = tmp_path / "content.yml"
    path.write_text(GOOD.replace(good, bad), encoding="utf-8")

    with pytest.raises(ConfigurationError, match=said):
        load_config(path, ContentConfig)


@pytest.mark.parametrize("folder", ["config", "tests/fernhill/config"])
def test_the_shipped_files_are_good(folder: str) -> None:
    assert load_config(ROOT / folder / "content.yml", ContentConfig).blocks


@pytest.mark.parametrize(
    ("share", "slots"), [(0, 0), (0.05, 0.6), (0.15, 1.8), (0.16, 2), (0.5, 6)]
)
def test_discovery_takes_its_share_within_a_point(share: float, slots: float) -> None:
    content = ContentConfig.model_validate(
        {"blocks": {"home": {"size": 12, "discovery_share": share}}}
    )

    assert content.blocks["home"].discovery_slots == pytest.approx(slots)
