// @slack/web-api drives the twin: argument forms, paging, threads, upload, errors.
const assert = require("node:assert");
const { WebClient, ErrorCode } = require("@slack/web-api");
const client = new WebClient(process.env.TOKEN, {
  slackApiUrl: process.env.BASE + "/api/", retryConfig: { retries: 0 }, allowAbsoluteUrls: true,
});
(async () => {
  const me = await client.auth.test();
  const { channel } = await client.conversations.create({ name: "from-node" });
  const first = await client.chat.postMessage({
    channel: channel.id, text: "hello",
    blocks: [{ type: "section", text: { type: "mrkdwn", text: "*hello*" } }],
  });
  await client.chat.postMessage({ channel: channel.id, text: "reply", thread_ts: first.ts });
  await client.reactions.add({ channel: channel.id, timestamp: first.ts, name: "eyes" });
  const replies = await client.conversations.replies({ channel: channel.id, ts: first.ts });
  assert.deepStrictEqual(replies.messages.map((m) => m.text), ["hello", "reply"]);
  assert.strictEqual(replies.messages[0].reply_count, 1);
  let names = [];
  for await (const page of client.paginate("users.list", { limit: 1 }))
    names = names.concat(page.members.map((m) => m.name));
  assert.strictEqual(new Set(names).size, names.length);
  const up = await client.files.uploadV2({
    channel_id: channel.id, filename: "a.txt", content: "abc", initial_comment: "a file",
  });
  assert.strictEqual(up.ok, true);
  const found = await client.files.list({ channel: channel.id });
  assert.deepStrictEqual(found.files.map((f) => f.name), ["a.txt"]);
  await assert.rejects(client.chat.postMessage({ channel: "C0NOPE", text: "x" }),
    (e) => e.code === ErrorCode.PlatformError && e.data.error === "channel_not_found");
  const hits = await client.search.messages({ query: "hello in:from-node" });
  assert.strictEqual(hits.messages.total, 1);
  const stream = client.chatStream({ channel: channel.id, thread_ts: first.ts,
    recipient_team_id: me.team_id, recipient_user_id: me.user_id });
  await stream.append({ markdown_text: "**word** ".repeat(60) });
  const whole = await stream.stop({ markdown_text: "done" });
  assert.ok(whole.message.text.endsWith("done"));
  console.log("ok", me.user_id);
})().catch((e) => { console.error(e); process.exit(1); });
