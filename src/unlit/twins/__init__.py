"""The Digital Twin Universe: Okta, Jira, Slack, Google Docs, Drive and Sheets."""
