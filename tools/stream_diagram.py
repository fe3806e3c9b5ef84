"""Draws docs/streams.svg, a diagram of joins. Run by `make docs-pages`.

Not Mermaid, because the site would load it from another host.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from xml.sax.saxutils import escape

from project import ROOT

from tap_kayzen.config.settings import SETTINGS
from tap_kayzen.tap import TapKayzen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_kayzen.streams.base import KayzenStream

PATH = ROOT / "docs" / "streams.svg"
WIDTH, HEIGHT = 790, 800
BOX_WIDTH, HEAD, ROW, FOOT = 212, 26, 18, 5
LEFT, MIDDLE, RIGHT = 36, 290, 542
"""Left edges of the three columns of boxes, in pixels."""

BY_DEFAULT = ("#e8eaf6", "#3949ab", "#1a237e")
OTHERS = ("#f3f5f6", "#78909c", "#37474f")
"""Fill, border, and text color of streams selected by default, and of others."""

TITLE = "How the streams join"
LEGEND = (
    "Blue: read by default. Arrows lead from a column to the key that it refers to; "
    "dashed: some rows only, or undocumented."
)

START = f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" \
font-family="system-ui, sans-serif" font-size="13">
  <title>{TITLE}</title>
  <defs>
    <marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="6" \
markerHeight="6" orient="auto">
      <path d="M0 0 8 4 0 8z" fill="#3949ab"/>
    </marker>
  </defs>
  <rect width="{WIDTH}" height="{HEIGHT}" rx="8" fill="#ffffff"/>
  <g fill="#37474f">
    <text x="{LEFT}" y="34" font-size="17" font-weight="bold">{TITLE}</text>
    <text x="{LEFT}" y="440">Without a documented join</text>
    <text x="{LEFT}" y="{HEIGHT - 12}" font-size="12">{LEGEND}</text>
  </g>"""


class Box(NamedTuple):
    """The box of a stream.

    Attributes:
        stream: Name of the stream.
        x: Left edge.
        y: Upper edge.
        columns: The columns shown; ``[]`` marks lists.
        note: Note next to the last column.
    """

    stream: str
    x: int
    y: int
    columns: tuple[str, ...]
    note: str = ""

    @property
    def height(self) -> int:
        """Height of the box."""
        return HEAD + ROW * len(self.columns) + FOOT

    def row(self, column: str) -> int:
        """Return the y coordinate of the middle of a column's row."""
        names = [name.removesuffix("[]") for name in self.columns]
        return self.y + HEAD + ROW * names.index(column) + ROW // 2

    def side(self, x: int) -> int:
        """Return the edge, left or right, that faces an x coordinate."""
        return self.x if x < self.x + BOX_WIDTH / 2 else self.x + BOX_WIDTH


@dataclass(frozen=True)
class Join:
    """A column that holds the key of another stream.

    Attributes:
        source: Stream and column, such as ``campaigns.order_id``.
        target: Stream and key, such as ``orders.id``.
        x: X coordinate of the vertical part of the arrow.
        condition: Condition such as ``if the report has it``; empty for none.
    """

    source: str
    target: str
    x: int
    condition: str = ""


BOXES = (
    Box("orders", LEFT, 60, ("id",)),
    Box("app_lists", LEFT, 123, ("id",)),
    Box("tags", LEFT, 186, ("id", "name")),
    Box("reports", LEFT, 282, ("id", "time_zone_id")),
    Box("time_zones", LEFT, 363, ("id",)),
    Box(
        "campaigns",
        MIDDLE,
        60,
        (
            "id",
            "order_id",
            "app_group_id_whitelist[]",
            "app_group_id_blacklist[]",
            "tags[]",
            "creative_ids[]",
            "detail_id",
        ),
    ),
    Box("campaign_details", MIDDLE, 270, ("campaign_id", "id")),
    Box("campaign_changelogs", MIDDLE, 358, ("id", "campaign_id")),
    Box("campaign_performance", MIDDLE, 446, ("day", "campaign_id")),
    Box("report_results", MIDDLE, 534, ("report_id", "campaign_id")),
    Box("campaign_bid_multipliers", MIDDLE, 622, ("campaign_id", "type", "key_name")),
    Box("creatives", RIGHT, 60, ("id", "asset_file_id", "end_card_id", "tracker_id")),
    Box("asset_files", RIGHT, 184, ("id",)),
    Box("tracker_assets", RIGHT, 254, ("id",)),
    Box("exchanges", RIGHT, 358, ("id",), "type exchange_id"),
    Box("app_lookups", RIGHT, 424, ("id",), "type app_id"),
    Box("cities", RIGHT, 490, ("state_id", "country_id", "id"), "type city_id"),
    Box("states", RIGHT, 592, ("country_id", "id"), "type state_id"),
    Box("countries", RIGHT, 676, ("id",), "type country_id"),
    Box("balance", LEFT, 450, ("advertiser_id", "date")),
    Box("audiences", LEFT, 530, ("id",)),
    Box("app_objects", LEFT, 591, ("id",)),
    Box("website_objects", LEFT, 652, ("id",)),
    Box("site_lookups", LEFT, 713, ("id",)),
)
PARTS = MIDDLE + BOX_WIDTH + 14
"""X coordinate of the arrows to `campaigns.id`."""

KEYS = RIGHT - 12
"""X coordinate of the arrows from the keys of bid multipliers."""

MARGIN = RIGHT + BOX_WIDTH
KEY_TYPES = {
    "exchange_id": "exchanges",
    "app_id": "app_lookups",
    "city_id": "cities",
    "state_id": "states",
    "country_id": "countries",
}
"""Types of bid multipliers with IDs as keys, and the streams of these IDs."""

JOINS = (
    Join("campaigns.order_id", "orders.id", LEFT + BOX_WIDTH + 29),
    Join("campaigns.app_group_id_whitelist", "app_lists.id", LEFT + BOX_WIDTH + 21),
    Join("campaigns.app_group_id_blacklist", "app_lists.id", LEFT + BOX_WIDTH + 21),
    Join(
        "campaigns.tags", "tags.name", LEFT + BOX_WIDTH + 13, "if its items are names"
    ),
    Join("campaigns.detail_id", "campaign_details.id", MIDDLE - 13),
    Join("campaigns.creative_ids", "creatives.id", KEYS - 1),
    Join("campaign_details.campaign_id", "campaigns.id", PARTS),
    Join("campaign_changelogs.campaign_id", "campaigns.id", PARTS),
    Join("campaign_performance.campaign_id", "campaigns.id", PARTS),
    Join("report_results.campaign_id", "campaigns.id", PARTS, "if the report has it"),
    Join("campaign_bid_multipliers.campaign_id", "campaigns.id", PARTS),
    *(
        Join(
            "campaign_bid_multipliers.key_name",
            f"{stream}.id",
            KEYS,
            f"if `type` is `{kind}`",
        )
        for kind, stream in KEY_TYPES.items()
    ),
    Join("report_results.report_id", "reports.id", LEFT + BOX_WIDTH + 21),
    Join("reports.time_zone_id", "time_zones.id", LEFT - 14),
    Join("creatives.asset_file_id", "asset_files.id", MARGIN + 10),
    Join("creatives.end_card_id", "asset_files.id", MARGIN + 10),
    Join("creatives.tracker_id", "tracker_assets.id", MARGIN + 20),
    Join("cities.state_id", "states.id", MARGIN + 10),
    Join("cities.country_id", "countries.id", MARGIN + 20),
    Join("states.country_id", "countries.id", MARGIN + 20),
)


def streams() -> dict[str, KayzenStream]:
    """Return all streams of the tap."""
    required = dict.fromkeys(SETTINGS["required"], "x")
    tap = TapKayzen(config={**required, "audience_api_key": "x"})
    return dict(tap.streams)


def split(column: str) -> tuple[str, str]:
    """Split ``stream.column``."""
    stream, _, name = column.partition(".")
    return stream, name


def drawing() -> str:
    """Return the diagram."""
    by_default = {n for n, each in streams().items() if each.selected_by_default}
    boxes = [line for box in BOXES for line in _box(box, box.stream in by_default)]
    lines = [START, *_arrows(), *boxes, "</svg>"]
    return "\n".join(lines) + "\n"


def _arrows() -> Iterator[str]:
    boxes = {box.stream: box for box in BOXES}
    yield (
        '  <g fill="none" stroke="#3949ab" stroke-width="1.3" stroke-linejoin="round" '
        'marker-end="url(#tip)">'
    )
    for join in JOINS:
        (source, column), (target, key) = split(join.source), split(join.target)
        start, end = boxes[source], boxes[target]
        path = (
            f"M{start.side(join.x)} {start.row(column)}H{join.x}"
            f"V{end.row(key)}H{end.side(join.x)}"
        )
        dashes = ' stroke-dasharray="4 3"' if join.condition else ""
        yield f'    <path d="{path}"{dashes}/>'
    yield "  </g>"


def _box(box: Box, is_default: bool) -> Iterator[str]:  # noqa: FBT001
    fill, border, ink = BY_DEFAULT if is_default else OTHERS
    yield (
        f'  <rect x="{box.x}" y="{box.y}" width="{BOX_WIDTH}" height="{box.height}" '
        f'rx="5" fill="{fill}" stroke="{border}"/>'
    )
    yield (
        f'  <text x="{box.x + 10}" y="{box.y + 18}" font-weight="bold" fill="{ink}">'
        f"{box.stream}</text>"
    )
    for column in box.columns:
        y = box.row(column.removesuffix("[]")) + 4
        yield (
            f'  <text x="{box.x + 10}" y="{y}" font-family="monospace" font-size="12" '
            f'fill="{ink}">{column}</text>'
        )
    if box.note:
        yield (
            f'  <text x="{box.x + BOX_WIDTH - 10}" y="{y}" font-size="11" '
            f'text-anchor="end" fill="#607d8b">{escape(box.note)}</text>'
        )


if __name__ == "__main__":
    PATH.write_text(drawing(), encoding="utf-8")
