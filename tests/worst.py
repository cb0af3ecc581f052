"""The worst file of each kind: cheap to make, and once so dear to read that a few stopped the site.

Each builder is given how many lines, rows or cells the file is to have.
"""

import io
import zipfile
from collections.abc import Callable

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"/>',
    "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>'
    '<sheet name="a" sheetId="1" r:id="rId1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
}
HEADER = '<row><c t="inlineStr"><is><t>staff_no</t></is></c><c t="inlineStr"><is><t>target</t></is></c></row>'


def workbook(rows: str, **parts: str) -> bytes:
    """A workbook whose only sheet has these rows; other parts by their name without `.xml`."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for name, text in PARTS.items():
            packed.writestr(name, text)
        for name, text in parts.items():
            packed.writestr(f"xl/{name}.xml", text)
        packed.writestr(
            "xl/worksheets/sheet1.xml", f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>'
        )
    return made.getvalue()


Builder = Callable[[int], bytes]
TABLES: dict[str, Builder] = {
    "newlines": lambda n: b"\n" * n,
    "blank lines behind the header": lambda n: b"name,phone\n" + b"\n" * n,
    "carriage returns": lambda n: b"name,phone\r" + b"\r" * n,
    "quotes that stay open": lambda n: b"name,phone\n" + b'"x\n' * n,
    "lines of one quote": lambda n: b"name,phone\n" + b'"\n' * n,
    "quotes that close on the next line": lambda n: b"name,phone\n" + b'x,"\ny,z\n' * (n // 2),
    "quotes around quotes": lambda n: b"name,phone\n" + b'",""\n"\n' * (n // 2),
    "guarded blanks in a name": lambda n: b"name,phone\n" + b'"x' + b"\t'" * (n // 2) + b'x",1\n',
    "blanks in a line to reject": lambda n: b"name,phone\n" + b'Ann,"x' + b"\t" * n + b'x"\n',
    "wide rows": lambda n: b"name,phone\n" + (b"x" + b"," * 2_000 + b"\n") * (n // 100),
}
CARDS: dict[str, Builder] = {
    "blank lines in a card": lambda n: b"BEGIN:VCARD\n" + b"\n" * n + b"END:VCARD\n",
    "blank lines around cards": lambda n: b"BEGIN:VCARD\nEND:VCARD\n" + b"\r\n" * n,
    "deep folding": lambda n: b"BEGIN:VCARD\nTEL:1\n" + b" \n" * n + b"END:VCARD\n",
    "soft line breaks": lambda n: b"BEGIN:VCARD\nFN;QUOTED-PRINTABLE:x=\n" + b"=\n" * n + b"END:VCARD\n",
    "empty cards": lambda n: b"BEGIN:VCARD\nEND:VCARD\n" * (n // 2),
    "cards inside cards": lambda n: b"BEGIN:VCARD\n" * n,
}
WORKBOOKS: dict[str, Builder] = {
    "empty rows": lambda n: workbook(HEADER + "<row/>" * n),
    "empty cells": lambda n: workbook(HEADER + f"<row>{'<c/>' * 10_000}</row>" * (n // 10_000)),
    "cells of one column": lambda n: workbook(HEADER + "<row>" + '<c r="A2"><v>1</v></c>' * n + "</row>"),
    "elements of no meaning": lambda n: workbook(HEADER + "<x/>" * n),
    "cells far to the right": lambda n: workbook(HEADER + '<row><c r="ALL1"><v>1</v></c></row>' * (n // 10)),
    "one text in every cell": lambda n: workbook(
        HEADER + '<row><c t="s"><v>0</v></c></row>' * (n // 10),
        sharedStrings=f"<sst><si><t>{'x' * 32_000}</t></si></sst>",
    ),
    "texts": lambda n: workbook(HEADER, sharedStrings=f"<sst>{'<si/>' * n}</sst>"),
    "styles": lambda n: workbook(HEADER, styles=f"<styleSheet><cellXfs>{'<xf/>' * n}</cellXfs></styleSheet>"),
}
