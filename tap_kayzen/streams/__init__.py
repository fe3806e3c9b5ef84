"""The streams, one module a family."""

from __future__ import annotations

from tap_kayzen.streams.campaigns import CampaignsStream

ALL = (CampaignsStream,)
"""Every stream of the tap."""
