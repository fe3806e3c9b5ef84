"""Entities of advertisers: orders, creatives, app lists, and the like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tap_kayzen.streams.lists import ListStream

if TYPE_CHECKING:
    from tap_kayzen.streams.requesting import Slice


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

    def prepare(self, rows: list[dict[str, Any]], slice_: Slice) -> None:  # noqa: ARG002
        """Add an array for each comma-separated text."""
        for row in rows:
            for name in ("app_bundles", "placement_ids", "websites"):
                if isinstance(text := row.get(name), str):
                    members = (member.strip() for member in text.split(","))
                    row[f"{name}_list"] = [member for member in members if member]


class TrackerAssetsStream(ListStream):
    """Click, impression and video tracking addresses."""

    name = "tracker_assets"
    path = "/tracker_assets"


class TagsStream(ListStream):
    """Tags of campaigns."""

    name = "tags"
    path = "/tags"


class AssetFilesStream(ListStream):
    """Files that creatives are made of."""

    name = "asset_files"
    path = "/asset_files"
    selected_by_default = False


class AppObjectsStream(ListStream):
    """Apps that an advertiser promotes, without their API keys."""

    name = "app_objects"
    path = "/app_objects"
    selected_by_default = False
    keys_are_secret = True


class WebsiteObjectsStream(ListStream):
    """Websites that an advertiser promotes, without their API keys."""

    name = "website_objects"
    path = "/website_objects"
    selected_by_default = False
    keys_are_secret = True
