"""What the clients' own READMEs and guides print, walked in order; only token and address differ.

As a program inside of a fence it calls the vendors' own hosts: ``python quick_starts.py slack``.
"""

import asyncio
import io
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

from typing_extensions import override

Bases = Mapping[str, str]  # service → URL; empty: the vendors' own hosts
TEXT = "Hello world!"


def slack(base: Bases) -> None:
    """python-slack-sdk: README and the guide of its web client."""
    from slack_sdk import WebClient

    own = {"base_url": base["slack"] + "/api/"} if base else {}
    client = WebClient(token="xoxb-fake-quick", **own)
    said = client.chat_postMessage(channel="#random", text=TEXT)
    assert said["message"]["text"] == TEXT
    channel, ts = said["channel"], said["ts"]
    uploaded = client.files_upload_v2(channel=channel, content="notes", filename="tmp.txt")
    assert uploaded["file"]
    client.chat_postMessage(channel=channel, text="in a thread", thread_ts=ts, reply_broadcast=True)
    me = client.auth_test()
    client.chat_postEphemeral(channel=channel, text="silently", user=me["user_id"])
    client.chat_update(channel=channel, ts=ts, text="updated")
    client.reactions_add(channel=channel, name="thumbsup", timestamp=ts)
    client.chat_delete(channel=channel, ts=ts)
    made = client.conversations_create(name="my-private-channel", is_private=True)["channel"]
    client.conversations_info(channel=made["id"], include_num_members=True)
    client.conversations_archive(channel=made["id"])
    assert sum(len(page["channels"]) for page in client.conversations_list(limit=1)) >= 2
    person = client.users_list()["members"][0]["id"]
    client.users_info(user=person)
    added = client.files_remote_add(external_id="doc-1", external_url="https://example.com/d/1",
                                    title="Notes")["file"]  # fmt: skip
    client.files_remote_share(channels=channel, external_id="doc-1")
    assert added["external_id"] == "doc-1"
    call = client.calls_add(external_unique_id="u-1", join_url="https://example.com/room/9",
                            users=[{"slack_id": person}])["call"]  # fmt: skip
    client.calls_end(id=call["id"], duration=60)
    page = {"type": "markdown", "markdown": "# Plan\n\ntext"}
    canvas = client.canvases_create(title="Plan", document_content=page)["canvas_id"]
    found = client.canvases_sections_lookup(canvas_id=canvas, criteria={"section_types": ["h1"]})
    assert len(found["sections"]) == 1
    question = client.chat_postMessage(channel=channel, text="?")["ts"]
    stream = client.chat_stream(channel=channel, thread_ts=question,
                                recipient_team_id=me["team_id"],
                                recipient_user_id=person)  # fmt: skip
    stream.append(markdown_text="**word** " * 60)
    assert stream.stop(markdown_text="done")["message"]["text"].endswith("done")


def okta(base: Bases) -> None:
    """okta-sdk-python: README."""
    from okta.client import Client
    from okta.models import BookmarkApplication

    os.environ["OKTA_CLIENT_ORGURL"] = base.get("okta", "https://fake-quick.okta.com")
    os.environ["OKTA_TESTING_TESTINGDISABLEHTTPSCHECK"] = "true"
    os.environ["OKTA_CLIENT_TOKEN"] = "fake-okta-quick"
    client = Client()
    who = {"firstName": "Sample", "lastName": "Sample", "email": "s@example.com",
           "login": "s@example.com"}  # fmt: skip

    async def ask(name: str, *args: Any, **more: Any) -> Any:
        found = await getattr(client, name)(*args, **more)
        assert found[-1] is None, f"{name}: {found[-1]}"
        return found[0]

    async def walk() -> None:
        sent = {"profile": who, "credentials": {"password": {"value": "Knock*knock*neo*111"}}}
        user = await ask("create_user", sent)
        assert (await ask("get_user", user.id)).profile.login == who["login"]
        await ask("update_user", user.id, {"profile": {"nickName": "S"}})
        group = await ask("add_group", {"profile": {"name": "Quick", "description": "d"}})
        await ask("assign_user_to_group", group.id, user.id)
        assert [one.id for one in await ask("list_group_users", group.id)] == [user.id]
        app = await ask("create_application", BookmarkApplication.from_dict({
            "label": "Sample bookmark App", "name": "bookmark", "signOnMode": "BOOKMARK",
            "settings": {"app": {"requestIntegration": False, "url": "https://example.com/b"}},
        }))  # fmt: skip
        await ask("assign_group_to_application", app.id, group.id, {})
        assert await ask("list_log_events")
        await ask("deactivate_application", app.id)
        await ask("delete_application", app.id)
        await ask("deactivate_user", user.id)
        await ask("delete_user", user.id)

    asyncio.run(walk())


def jira(base: Bases) -> None:
    """jira: its examples; atlassian-python-api: README."""
    from atlassian import Jira
    from jira import JIRA

    url = base.get("jira", "https://fake-quick.atlassian.net")
    own = JIRA(server=url, basic_auth=("ada@example.com", "fake-jira-quick"))
    key = own.projects()[0].key
    first = {"summary": "New issue from jira-python", "description": "Look into this one"}
    issue = own.create_issue(project=key, issuetype={"name": "Bug"}, **first)
    issue.update(summary="new summary", description="A new summary was added")
    own.add_comment(issue.key, "new comment")
    own.add_attachment(issue=issue, attachment=io.BytesIO(b"data"), filename="content.txt")
    assert [a.get() for a in own.issue(issue.key).fields.attachment] == [b"data"]
    assert own.search_issues(f"project={key} and assignee = currentUser()") == []
    made = own.create_issues(field_list=[{"project": {"key": key}, "summary": "x",
                                          "issuetype": {"name": "Task"}}])  # fmt: skip
    own.create_issue_link("Duplicate", issue.key, made[0]["issue"].key)
    own.transition_issue(issue, own.transitions(issue)[-1]["id"])
    own.add_worklog(issue, "2h")
    own.create_version("1.0", key)
    other = Jira(url=url, username="ada@example.com", password="fake-jira-quick")
    jql = f"project = {key} AND status NOT IN (Done) ORDER BY issuekey"
    assert other.jql(jql)["issues"]
    fields = {"project": {"key": key}, "issuetype": {"name": "Task"}, "summary": "test"}
    new = other.issue_create(fields=fields)["key"]
    other.issue_add_comment(new, "text")
    other.set_issue_status(new, "Done")
    assert other.get_issue_status(new) == "Done"
    issue.delete()


def google(base: Bases) -> None:
    """google-api-python-client: quick starts and guides of three services; gspread: README."""
    from google.oauth2.credentials import Credentials
    from googleapiclient.discovery import build

    credentials = Credentials("fake-google-quick")

    def service(name: str, version: str, path: str = "") -> Any:
        own = {"client_options": {"api_endpoint": base[name] + path}} if base else {}
        return build(name, version, credentials=credentials, **own)

    drive = service("drive", "v3", "/drive/v3")
    assert drive.files().list(pageSize=10, fields="nextPageToken, files(id, name)").execute() == {
        "files": []}  # fmt: skip
    docs = service("docs", "v1")
    key = docs.documents().create(body={"title": "My Document"}).execute()["documentId"]
    docs.documents().batchUpdate(documentId=key, body={"requests": [
        {"insertText": {"location": {"index": 1}, "text": "Dear {{customer-name}}\nnext\n"}},
        {"replaceAllText": {"containsText": {"text": "{{customer-name}}", "matchCase": "true"},
                            "replaceText": "Alice"}},
        {"createParagraphBullets": {"range": {"startIndex": 1, "endIndex": 5},
                                    "bulletPreset": "BULLET_ARROW_DIAMOND_DISC"}},
    ]}).execute()  # fmt: skip
    assert drive.files().export(fileId=key, mimeType="application/pdf").execute()[:4] == b"%PDF"
    sheets = service("sheets", "v4")
    made = sheets.spreadsheets().create(body={"properties": {"title": "t"}}, fields="spreadsheetId")
    book = made.execute()["spreadsheetId"]
    values = sheets.spreadsheets().values()
    values.update(spreadsheetId=book, range="A1:B2", valueInputOption="USER_ENTERED",
                  body={"values": [["A", "B"], ["1", "=A2+1"]]}).execute()  # fmt: skip
    pivot = {"source": {"sheetId": 0, "endRowIndex": 2, "endColumnIndex": 2},
             "rows": [{"sourceColumnOffset": 0, "showTotals": True, "sortOrder": "ASCENDING"}],
             "values": [{"summarizeFunction": "SUM", "sourceColumnOffset": 1}]}  # fmt: skip
    sheets.spreadsheets().batchUpdate(spreadsheetId=book, body={"requests": [
        {"addSheet": {"properties": {"sheetId": 7}}},
        {"updateCells": {"rows": {"values": [{"pivotTable": pivot}]}, "fields": "pivotTable",
                         "start": {"sheetId": 7, "rowIndex": 0, "columnIndex": 0}}},
    ]}).execute()  # fmt: skip
    read = values.get(spreadsheetId=book, range="A1:B2").execute()["values"]
    assert read == [["A", "B"], ["1", "2"]]
    drive.files().create(body={"name": "c", "parents": ["appDataFolder"]}, fields="id").execute()
    assert drive.files().list(spaces="appDataFolder").execute()["files"][0]["name"] == "c"
    _gspread(base, credentials)


def _gspread(base: Bases, credentials: Any) -> None:
    import gspread
    import requests

    class Elsewhere(requests.adapters.HTTPAdapter):
        @override
        def send(self, request: Any, *args: Any, **more: Any) -> Any:
            for host, name in (("https://sheets.googleapis.com", "sheets"),
                               ("https://www.googleapis.com", "drive")):  # fmt: skip
                if request.url.startswith(host):
                    request.url = base[name] + request.url[len(host) :]
            return super().send(request, *args, **more)

    client = gspread.authorize(credentials)
    if base:
        client.http_client.session.mount("https://", Elsewhere())
    sheet = client.create("A new spreadsheet")
    sheet.share("otto@example.com", perm_type="user", role="writer")
    first = client.open("A new spreadsheet").sheet1
    first.update([[1, 2], [3, 4]], "A1")
    first.update_acell("B42", "it's down there somewhere")
    first.format("A1:B1", {"textFormat": {"bold": True}})
    assert first.find("it's down there somewhere").row == 42
    other = sheet.add_worksheet(title="A worksheet", rows="100", cols="20")
    other.batch_update([{"range": "A1:B2", "values": [["A1", "B1"], ["A2", "B2"]]}])
    assert other.get("A1:B4", pad_values=True) == [["A1", "B1"], ["A2", "B2"]]
    assert other.row_values(1) == ["A1", "B1"]
    assert sheet.export()[:4] == b"%PDF"
    sheet.del_worksheet(other)


def github(base: Bases) -> None:
    """PyGithub: README and the examples of its documentation."""
    from github import Auth, Github

    own = {"base_url": base["github"]} if base else {}
    client = Github(auth=Auth.Token("ghp_fakequick"), seconds_between_requests=0,
                    seconds_between_writes=0, **own)  # fmt: skip
    me = client.get_user()
    repo = me.create_repo("quick")
    assert [one.name for one in me.get_repos()] == ["quick"]
    main = repo.default_branch
    repo.create_file("test.txt", "test", "test", branch=main)
    held = repo.get_contents("test.txt")
    repo.update_file("test.txt", "more", "more tests", held.sha, branch=main)
    assert [c.commit.message for c in repo.get_commits()][:2] == ["more", "test"]
    repo.create_git_ref("refs/heads/topic", repo.get_branch(main).commit.sha)
    repo.create_file("z.txt", "z", "z", branch="topic")
    pull = repo.create_pull(title="Use", body="b", base=main, head="topic")
    assert [f.filename for f in pull.get_files()] == ["z.txt"]
    pull.create_issue_comment("looks good")
    pull.merge()
    repo.create_issue("title", body="b", labels=[repo.create_label("quick", "ff0000")])
    me.add_to_starred(repo)
    assert me.has_in_starred(repo)
    assert repo.get_readme().decoded_content
    repo.delete()


WALKS: dict[str, Callable[[Bases], None]] = {
    "github": github,
    "google": google,
    "jira": jira,
    "okta": okta,
    "slack": slack,
}


if __name__ == "__main__":
    for chosen in sys.argv[1:]:
        WALKS[chosen]({})
        print("walked", chosen)
