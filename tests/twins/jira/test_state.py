"""What was written to Jira is what is read, listed, searched and counted: against a plain dict."""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule
from tests.twins.google.calling import Caller

from unlit.twins.universe import Universe

WORDS = st.sampled_from(["alpha", "beta", "gamma", "delta"])
TITLES = st.text("abcdefg hij", min_size=1, max_size=20).filter(lambda t: t.strip())
STATUSES = {"11": "Backlog", "21": "Selected for Development", "31": "In Progress", "41": "Done"}


class Site(RuleBasedStateMachine):
    """Random histories of one project."""

    issues = Bundle("issues")

    def __init__(self) -> None:
        super().__init__()
        universe = Universe(["jira"])
        world = universe.create_world({"jira": {"projects": [{"key": "PRJ", "name": "P"}]}})
        self.call = Caller(universe, world, "jira")
        self.model: dict[str, dict[str, Any]] = {}

    @rule(target=issues, title=TITLES, labels=st.sets(WORDS))
    def create(self, title: str, labels: set[str]) -> str:
        fields = {
            "project": {"key": "PRJ"},
            "issuetype": {"name": "Task"},
            "summary": title,
            "labels": list(labels),
        }
        answer = self.call("POST", "/rest/api/3/issue", {"fields": fields})
        assert answer.status == 201
        key = str(answer.body["key"])
        assert key not in self.model
        self.model[key] = {
            "summary": title.strip(),
            "labels": sorted(labels),
            "status": "Backlog",
            "comments": [],
        }
        return key

    @rule(key=issues, title=TITLES)
    def rename(self, key: str, title: str) -> None:
        path = f"/rest/api/2/issue/{key}"
        assert self.call("PUT", path, {"fields": {"summary": title}}).status == 204
        self.model[key]["summary"] = title.strip()

    @rule(key=issues, add=WORDS, remove=WORDS)
    def relabel(self, key: str, add: str, remove: str) -> None:
        update = {"labels": [{"add": add}, {"remove": remove}]}
        assert self.call("PUT", f"/rest/api/2/issue/{key}", {"update": update}).status == 204
        self.model[key]["labels"] = sorted({*self.model[key]["labels"], add} - {remove})

    @rule(key=issues, transition=st.sampled_from(sorted(STATUSES)))
    def transit(self, key: str, transition: str) -> None:
        body = {"transition": {"id": transition}}
        path = f"/rest/api/2/issue/{key}/transitions"
        assert self.call("POST", path, body).status == 204
        self.model[key]["status"] = STATUSES[transition]

    @rule(key=issues, text=WORDS)
    def comment(self, key: str, text: str) -> None:
        path = f"/rest/api/2/issue/{key}/comment"
        assert self.call("POST", path, {"body": text}).status == 201
        self.model[key]["comments"].append(text)

    @rule(key=consumes(issues))
    def delete(self, key: str) -> None:
        assert self.call("DELETE", f"/rest/api/2/issue/{key}").status == 204
        del self.model[key]
        assert self.call("GET", f"/rest/api/2/issue/{key}").status == 404

    @invariant()
    def reads_show_what_was_written(self) -> None:
        for key, want in self.model.items():
            fields = self.call("GET", f"/rest/api/2/issue/{key}").body["fields"]
            assert fields["summary"] == want["summary"]
            assert sorted(fields["labels"]) == want["labels"]
            assert fields["status"]["name"] == want["status"]
            assert (fields["resolution"] is not None) is (want["status"] == "Done")
            assert [c["body"] for c in fields["comment"]["comments"]] == want["comments"]

    @invariant()
    def searches_find_exactly_what_is_there(self) -> None:
        for word in ("alpha", "beta"):
            jql = f"project = PRJ AND labels = {word} ORDER BY key"
            found = self.call("GET", "/rest/api/3/search/jql", jql=jql, fields="key").body
            want = {k for k, row in self.model.items() if word in row["labels"]}
            assert {i["key"] for i in found["issues"]} == want
        done = self.call("GET", "/rest/api/2/search", jql="statusCategory = Done").body
        assert done["total"] == sum(r["status"] == "Done" for r in self.model.values())


TestSite = Site.TestCase
TestSite.settings = settings(max_examples=12, stateful_step_count=12, deadline=None)
