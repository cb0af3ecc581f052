"""Addresses of the API."""

from django.urls import path, re_path

from apps.api.views import (
    campaigns,
    contact,
    contacts,
    description,
    feed,
    hand_over,
    roster,
    roster_difference,
    standings,
    tokens,
)
from apps.api.views.base import NotFoundView

urlpatterns = [
    path("me/standing/", standings.OwnStanding.as_view(), name="api-me-standing"),
    path("standings/", standings.StandingList.as_view(), name="api-standings"),
    path("standings/<path:staff_no>/", standings.StandingDetail.as_view(), name="api-standing"),
    path("campaigns/", campaigns.CampaignList.as_view(), name="api-campaigns"),
    path("campaigns/<slug:slug>/", campaigns.CampaignDetail.as_view(), name="api-campaign"),
    path("campaigns/<slug:slug>/hand-over/", hand_over.HandOverPages.as_view(), name="api-hand-over"),
    path("contacts/", contacts.ContactList.as_view(), name="api-contacts"),
    path("contacts/search/", contacts.ContactSearch.as_view(), name="api-contact-search"),
    path("contacts/<int:contact_id>/", contact.ContactDetail.as_view(), name="api-contact"),
    path("contacts/<int:contact_id>/end/", contact.ContactEnd.as_view(), name="api-contact-end"),
    path("contacts/<int:contact_id>/restore/", contact.ContactRestore.as_view(), name="api-contact-restore"),
    path("feed/", feed.Feed.as_view(), name="api-feed"),
    path("roster/", roster.RosterLoads.as_view(), name="api-roster"),
    path("roster/<uuid:load_id>/", roster.RosterLoad.as_view(), name="api-roster-load"),
    path(
        "roster/<uuid:load_id>/difference/", roster_difference.RosterDifference.as_view(), name="api-roster-difference"
    ),
    path("roster/<uuid:load_id>/apply/", roster.RosterLoadApply.as_view(), name="api-roster-apply"),
    path("tokens/", tokens.TokenList.as_view(), name="api-tokens"),
    path("tokens/<int:token_id>/", tokens.TokenDetail.as_view(), name="api-token"),
    path("schema/", description.Schema.as_view(), name="api-schema"),
    path("docs/", description.docs, name="api-docs"),
    re_path("", NotFoundView.as_view(), name="api-nowhere"),
]
