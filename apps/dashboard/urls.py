"""Addresses of this door."""

from django.urls import path

from apps.dashboard.views import account, add, charts, company, contacts, exports, imports, me, team

urlpatterns = [
    path("", me.me, name="me"),
    path("standing/", me.standing, name="standing"),
    path("contacts/", contacts.index, name="contacts"),
    path("contacts/add/", add.add, name="contact-add"),
    path("contacts/export.csv", exports.contacts_csv, name="contacts-csv"),
    path("contacts/export.vcf", exports.contacts_vcards, name="contacts-vcf"),
    path("contacts/import/", imports.index, name="import"),
    path("contacts/import/<uuid:file_id>/", imports.preview, name="import-preview"),
    path("contacts/import/<uuid:file_id>/confirm/", imports.confirm, name="import-confirm"),
    path("contacts/import/batch/<uuid:submission_id>/", imports.batch, name="import-batch"),
    path("contacts/import/batch/<uuid:submission_id>/progress/", imports.progress, name="import-progress"),
    path("contacts/import/batch/<uuid:submission_id>/rejects.csv", imports.rejects, name="import-rejects"),
    path("contacts/import/batch/<uuid:submission_id>/undo/", imports.undo, name="import-undo"),
    path("contacts/<int:contact_id>/", contacts.contact, name="contact"),
    path("contacts/<int:contact_id>/rename/", contacts.rename, name="contact-rename"),
    path("contacts/<int:contact_id>/correct/", contacts.correct, name="contact-correct"),
    path("contacts/<int:contact_id>/end/", contacts.end, name="contact-end"),
    path("contacts/<int:contact_id>/restore/", contacts.restore, name="contact-restore"),
    path("team/", team.home, name="team-home"),
    path("team/<path:staff_no>/standings.csv", team.team_csv, name="team-csv"),
    path("team/<path:staff_no>/", team.team, name="team"),
    path("company/", company.company, name="company"),
    path("company/standings.csv", company.company_csv, name="company-csv"),
    path("exports/", exports.index, name="exports"),
    path("exports/my-standing.csv", exports.own_csv, name="own-csv"),
    path("charts/me.json", charts.me, name="chart-me"),
    path("charts/member/<path:staff_no>.json", charts.member, name="chart-member"),
    path("charts/team/<path:staff_no>/<slug:key>.json", charts.team, name="chart-team"),
    path("charts/company/<slug:key>.json", charts.company, name="chart-company"),
    path("login/", account.SignIn.as_view(), name="login"),
    path("logout/", account.SignOut.as_view(), name="logout"),
    path("password/", account.ChangePassword.as_view(), name="password_change"),
    path("set-password/<uidb64>/<token>/", account.SetPassword.as_view(), name="set-password"),
]
