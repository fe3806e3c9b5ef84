"""Entities of advertisers, such as orders and creatives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_kayzen.streams.lists import ListStream

if TYPE_CHECKING:
    from tap_kayzen.streams.requesting import Slice


class OrdersStream(ListStream):
    """Orders, which group campaigns."""

    name = "orders"
    path = "/orders"


class CreativesStream(ListStream):
    """Creatives, the ads that campaigns show."""

    name = "creatives"
    path = "/creatives"


class AppListsStream(ListStream):
    """Allowlists and blocklists of apps, placements, and websites."""

    name = "app_lists"
    path = "/app_lists"

    def prepare(self, rows: list[dict[str, Any]], slice_: Slice) -> None:  # noqa: ARG002
        """Add an array for each comma-separated field."""
        for row in rows:
            for name in ("app_bundles", "placement_ids", "websites"):
                if isinstance(text := row.get(name), str):
                    members = (member.strip() for member in text.split(","))
                    row[f"{name}_list"] = [member for member in members if member]


class TrackerAssetsStream(ListStream):
    """Tracking URLs for clicks, impressions, and videos."""

    name = "tracker_assets"
    path = "/tracker_assets"


class TagsStream(ListStream):
    """Tags of campaigns."""

    name = "tags"
    path = "/tags"


class AssetFilesStream(ListStream):
    """Files used in creatives."""

    name = "asset_files"
    path = "/asset_files"
    selected_by_default = False


class AppObjectsStream(ListStream):
    """Apps that advertisers promote, without their API keys."""

    name = "app_objects"
    path = "/app_objects"
    selected_by_default = False
    keys_are_secret = True


class WebsiteObjectsStream(ListStream):
    """Websites that advertisers promote, without their API keys."""

    name = "website_objects"
    path = "/website_objects"
    selected_by_default = False
    keys_are_secret = True
