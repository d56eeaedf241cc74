// octokit drives the seventh twin: open pull request, check, merge.
const assert = require("node:assert");
(async () => {
  const path = require.resolve.paths("@octokit/core").find((p) =>
    require("node:fs").existsSync(p + "/@octokit/core"));
  const meta = require(path + "/@octokit/core/package.json");
  const entry = meta.module || (meta.exports && meta.exports["."].import) || "dist-src/index.js";
  const { Octokit } = await import("file://" + path + "/@octokit/core/" + entry);
  const kit = new Octokit({ auth: process.env.TOKEN, baseUrl: process.env.BASE });
  const at = { owner: "acme", repo: "node" };
  const { data: branch } = await kit.request("GET /repos/{owner}/{repo}/branches/{branch}",
    { ...at, branch: "main" });
  await kit.request("POST /repos/{owner}/{repo}/git/refs",
    { ...at, ref: "refs/heads/topic", sha: branch.commit.sha });
  await kit.request("PUT /repos/{owner}/{repo}/contents/{path}",
    { ...at, path: "a.txt", message: "add", branch: "topic",
      content: Buffer.from("hello").toString("base64") });
  const { data: pull } = await kit.request("POST /repos/{owner}/{repo}/pulls",
    { ...at, title: "From node", head: "topic", base: "main" });
  const { data: check } = await kit.request("POST /repos/{owner}/{repo}/check-runs",
    { ...at, name: "ci", head_sha: pull.head.sha, conclusion: "success" });
  assert.strictEqual(check.status, "completed");
  const { data: merged } = await kit.request("PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge",
    { ...at, pull_number: pull.number });
  assert.strictEqual(merged.merged, true);
  const { data: file } = await kit.request("GET /repos/{owner}/{repo}/contents/{path}",
    { ...at, path: "a.txt" });
  assert.strictEqual(Buffer.from(file.content, "base64").toString(), "hello");
  await assert.rejects(kit.request("GET /repos/{owner}/{repo}", { owner: "x", repo: "y" }),
    (e) => e.status === 404);
  console.log("ok");
})().catch((e) => { console.error(e); process.exit(1); });
