"""Google Sheets, Docs and Drive: the table, the report and who may read it."""

from typing import Any

from access_review.config import Config
from access_review.model import Member, ServiceDown
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError

HEADER = ["login", "last sign-in", "state"]
FOLDER = "application/vnd.google-apps.folder"
SHEET = "application/vnd.google-apps.spreadsheet"
DOCUMENT = "application/vnd.google-apps.document"


class Files:
    """The three services, signed in once."""

    def __init__(self, token: str) -> None:
        credentials = Credentials(token=token)

        def service(name: str, version: str) -> Any:
            return build(name, version, credentials=credentials, cache_discovery=False)

        self.drive = service("drive", "v3")
        self.docs = service("docs", "v1")
        self.sheets = service("sheets", "v4")

    def find(self, name: str, kind: str, parent: str | None = None) -> str | None:
        """Return the id of the file with that name and kind, or None."""
        escaped = name.replace("\\", "\\\\").replace("'", "\\'")
        query = f"name = '{escaped}' and mimeType = '{kind}' and trashed = false"
        if parent is not None:
            query += f" and '{parent}' in parents"
        found = self.drive.files().list(q=query, fields="files(id)").execute()["files"]
        return found[0]["id"] if found else None

    def create(self, name: str, kind: str, parent: str | None = None) -> str:
        """Create a file and return its id."""
        body: dict[str, Any] = {"name": name, "mimeType": kind}
        if parent is not None:
            body["parents"] = [parent]
        return str(self.drive.files().create(body=body, fields="id").execute()["id"])


def keep(config: Config, token: str, group: str, members: list[Member]) -> str:
    """Write the table and the report; return the report's title."""
    try:
        files = Files(token)
        folder = files.find(config.folder, FOLDER) or files.create(config.folder, FOLDER)
        _share(files, folder, config.reviewers)
        _table(files, config.spreadsheet, folder, members)
        return _report(files, folder, group, members)
    except HttpError as error:
        raise ServiceDown("Google", f"status {error.resp.status}") from error


def _share(files: Files, folder: str, reviewers: tuple[str, ...]) -> None:
    listed = files.drive.permissions().list(
        fileId=folder, fields="permissions(emailAddress,role)"
    ).execute()
    have = {row.get("emailAddress") for row in listed.get("permissions", [])}
    for reviewer in reviewers:
        if reviewer not in have:
            body = {"type": "user", "role": "reader", "emailAddress": reviewer}
            files.drive.permissions().create(
                fileId=folder, body=body, sendNotificationEmail=False
            ).execute()


def _table(files: Files, name: str, folder: str, members: list[Member]) -> None:
    sheet = files.find(name, SHEET, folder) or files.create(name, SHEET, folder)
    values = files.sheets.spreadsheets().values()
    old = values.get(spreadsheetId=sheet, range="A:C").execute().get("values", [])
    rows = {row[0]: row for row in old[1:] if row}
    for member in members:
        last = member.last_login.date().isoformat() if member.last_login else "never"
        rows[member.login] = [member.login, last, "inactive" if member.inactive else "active"]
    table = [HEADER, *(rows[login] for login in sorted(rows))]
    values.update(
        spreadsheetId=sheet, range="A1", valueInputOption="RAW", body={"values": table}
    ).execute()


def _report(files: Files, folder: str, group: str, members: list[Member]) -> str:
    title = f"Access review {group}"
    document = files.find(title, DOCUMENT, folder) or files.create(title, DOCUMENT, folder)
    text = report_text(group, members)
    body = files.docs.documents().get(documentId=document).execute()["body"]["content"]
    end = body[-1]["endIndex"]
    requests: list[dict[str, Any]] = []
    if end > 2:
        requests.append(
            {"deleteContentRange": {"range": {"startIndex": 1, "endIndex": end - 1}}}
        )
    requests.append({"insertText": {"location": {"index": 1}, "text": text}})
    files.docs.documents().batchUpdate(documentId=document, body={"requests": requests}).execute()
    return title


def report_text(group: str, members: list[Member]) -> str:
    """Return the report: totals first, then every inactive member."""
    inactive = [member for member in members if member.inactive]
    lines = [
        f"Access review of {group}",
        f"Members: {len(members)}",
        f"Inactive for 90 days or more: {len(inactive)}",
        *(member.login for member in sorted(inactive, key=lambda item: item.login)),
    ]
    return "\n".join(lines) + "\n"
