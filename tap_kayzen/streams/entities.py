"""What advertisers have in Kayzen, besides campaigns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_kayzen.records.values import to_integer
from tap_kayzen.reports.definition import is_zone
from tap_kayzen.streams.lists import ListStream

if TYPE_CHECKING:
    from singer_sdk.helpers.types import Context

    from tap_kayzen.reading.pages import Page


class OrdersStream(ListStream):
    """Orders, each of which groups campaigns."""

    name = "orders"
    path = "/orders"


class CreativesStream(ListStream):
    """Creatives: what campaigns show."""

    name = "creatives"
    path = "/creatives"


class AppListsStream(ListStream):
    """Lists of apps and placements, to allow or to block."""

    name = "app_lists"
    path = "/app_lists"

    def parse(self, body: bytes, context: Context | None) -> Page:
        """Read a page, and put an array beside each comma-separated text."""
        page = super().parse(body, context)
        for row in page.records:
            for name in ("app_bundles", "placement_ids", "websites"):
                if isinstance(text := row.get(name), str):
                    members = (member.strip() for member in text.split(","))
                    row[f"{name}_list"] = [member for member in members if member]
        return page


class TrackerAssetsStream(ListStream):
    """Click, impression and video tracking addresses."""

    name = "tracker_assets"
    path = "/tracker_assets"


class TagsStream(ListStream):
    """Tags of campaigns."""

    name = "tags"
    path = "/tags"


class ReportsStream(ListStream):
    """Definitions of saved reports."""

    name = "reports"
    path = "/reports"
    longest_page = 100

    def time_zones(self, context: Context | None) -> dict[int, str]:
        """Read which saved reports there are, for the stream that reads their rows.

        Args:
            context: The advertiser, if the settings name any.

        Returns:
            The time zone of each report, by the reports' numbers; UTC where Kayzen
            names none that the IANA database has.
        """
        reader = self.reader_for_others(
            lambda row: {
                "id": to_integer(row.get("id")),
                "zone": str(row.get("time_zone_name")),
            }
        )
        return {
            row["id"]: row["zone"] if is_zone(row["zone"]) else "UTC"
            for row in reader.read(context)
        }


class AssetFilesStream(ListStream):
    """Files that creatives are made of."""

    name = "asset_files"
    path = "/asset_files"
    selected_by_default = False


class AppObjectsStream(ListStream):
    """Apps that an advertiser promotes."""

    name = "app_objects"
    path = "/app_objects"
    selected_by_default = False


class WebsiteObjectsStream(ListStream):
    """Websites that an advertiser promotes."""

    name = "website_objects"
    path = "/website_objects"
    selected_by_default = False
