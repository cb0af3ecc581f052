"""Labels of uploaded contact files: columns, encodings, rejected lines and limits."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.contacts.drafts import UNREADABLE
from apps.contacts.messages import NO_IDENTITY, outcome_messages
from apps.contacts.reading import problem_message
from apps.dashboard.labels import base

# The roles a reader can give a column. The employee and the start of a contact are never read from an upload.
ROLES: dict[str, base.Text] = {
    "": gettext_lazy("not used"),
    "name": gettext_lazy("Name"),
    "given_name": gettext_lazy("First name"),
    "middle_name": gettext_lazy("Middle name"),
    "family_name": gettext_lazy("Family name"),
    "nickname": gettext_lazy("Nickname"),
    "organization": gettext_lazy("Company"),
    "phone": gettext_lazy("Phone"),
    "email": gettext_lazy("E-mail"),
    "handle": gettext_lazy("Handle"),
}

ENCODINGS: dict[str, base.Text] = {
    "utf-8": gettext_lazy("Unicode (UTF-8)"),
    "utf-16-le": gettext_lazy("Unicode (UTF-16)"),
    "utf-16-be": gettext_lazy("Unicode (UTF-16, big-endian)"),
    "gb18030": gettext_lazy("Simplified Chinese (GB 18030)"),
    "big5": gettext_lazy("Traditional Chinese (Big5)"),
    "cp950": gettext_lazy("Traditional Chinese (Windows)"),
    "cp932": gettext_lazy("Japanese (Shift JIS)"),
    "cp949": gettext_lazy("Korean"),
    "cp1252": gettext_lazy("Western European"),
    "cp1251": gettext_lazy("Cyrillic"),
    "cp1250": gettext_lazy("Central European"),
    "iso8859-2": gettext_lazy("Central European (ISO 8859-2)"),
    "cp1254": gettext_lazy("Turkish"),
    "cp1257": gettext_lazy("Baltic"),
}


def rejection(code: str, column: str, message: str = "") -> str:
    """Why a line was not recorded, for its sender; `message` is used for codes without a label."""
    if code == "invalid_identity":
        # A line without any identity is stored with the column phone. Workers store their messages in English.
        if message in (NO_IDENTITY, _(NO_IDENTITY)):
            return _(NO_IDENTITY)
        return {
            "phone": _("No valid phone, e-mail or handle: the phone number is not valid."),
            "email": _("No valid phone, e-mail or handle: the e-mail address is not valid."),
            "handle": _("No valid phone, e-mail or handle: the handle is not valid."),
        }.get(column, message)
    if code == "unknown_employee":
        return _("The line names another employee as the owner of this contact.")
    return problem_message(code) if code in UNREADABLE else outcome_messages().get(code, message)


# The limits of a file, by the unit of fileio.errors.TooLarge.
LIMITS: dict[str, base.Text] = {
    "lines": gettext_lazy(
        "The file has more than %(limit)s lines, including blank lines. Split it into several files."
    ),
    "lines before the header": gettext_lazy(
        "The first %(limit)s lines are blank. Delete them, so that the file starts with the column names."
    ),
    "empty records in quotes": gettext_lazy(
        "More than %(limit)s values contain only quotation marks. Delete these lines."
    ),
    "phones, addresses and handles": gettext_lazy(
        "The file has more than %(limit)s phones, e-mail addresses and handles. Split it into several files."
    ),
    "domains that are not ASCII": gettext_lazy(
        "The file has more than %(limit)s different e-mail domains with letters other than a to z. Split it "
        "into several files."
    ),
    "rows": gettext_lazy(
        "The sheet has more than %(limit)s rows, more than a spreadsheet can have. Save the file as CSV UTF-8."
    ),
    "columns": gettext_lazy(
        "A row has more than %(limit)s columns, more than a spreadsheet can have. Save the file as CSV UTF-8."
    ),
    "cells in a row": gettext_lazy(
        "A row has more than %(limit)s cells, more than a spreadsheet can have. Save the file as CSV UTF-8."
    ),
    "characters in a row": gettext_lazy("A row has more than %(limit)s characters. Shorten it."),
    "characters": gettext_lazy(
        "The file shows more than %(limit)s characters. Delete columns that are not needed, or split it."
    ),
    "characters in a cell": gettext_lazy("A cell has more than %(limit)s characters. Shorten it."),
    "XML elements": gettext_lazy("The workbook has more than %(limit)s cells and styles. Save it as CSV UTF-8."),
    "bytes in an XML tag": gettext_lazy("A tag in the workbook has more than %(limit)s bytes. Save it as CSV UTF-8."),
    "bytes in an unpacked workbook": gettext_lazy(
        "The workbook unpacks to more than %(limit)s bytes. Save it as CSV UTF-8."
    ),
    "bytes of texts in a workbook": gettext_lazy(
        "The texts of the workbook have more than %(limit)s bytes. Save it as CSV UTF-8."
    ),
    "parts of a workbook": gettext_lazy("The workbook has more than %(limit)s parts. Save it as CSV UTF-8."),
}


def too_large(line: int, limit: int, unit: str) -> str:
    """Why a file over a limit was refused, and where."""
    sentence = str(LIMITS[unit]) % {"limit": base.number(limit)}
    # For too many lines the number of the line would only repeat the limit.
    if not line or unit == "lines":
        return sentence
    return _("Line %(line)s: %(sentence)s") % {"line": base.number(line), "sentence": sentence}
