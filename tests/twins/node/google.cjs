// googleapis drives Drive, Docs and Sheets over one world: what one writes, the others read.
const assert = require("node:assert");
const { google } = require("googleapis");
const at = JSON.parse(process.env.SERVICES), tokens = JSON.parse(process.env.TOKENS);
const auth = new google.auth.OAuth2();
auth.setCredentials({ access_token: tokens.drive || process.env.TOKEN });
const open = (name, version) =>
  google[name]({ version, auth, rootUrl: at[name].replace(/\/?$/, "/") });
const drive = google.drive({ version: "v3", auth, rootUrl: at.drive.replace(/\/?$/, "/") });
const older = google.drive({ version: "v2", auth, rootUrl: at.drive.replace(/\/?$/, "/") });
const sheets = open("sheets", "v4"), docs = open("docs", "v1");

(async () => {
  // --- Sheets, and the same file in Drive
  const { data: book } = await sheets.spreadsheets.create({ requestBody: {
    properties: { title: "Node" }, sheets: [{ properties: { title: "Data" } }] } });
  const spreadsheetId = book.spreadsheetId;
  await sheets.spreadsheets.values.update({ spreadsheetId, range: "Data!A1:B3",
    valueInputOption: "USER_ENTERED", requestBody: { values: [["n", "v"], ["a", 1], ["b", "=B2+1"]] } });
  const { data: appended } = await sheets.spreadsheets.values.append({ spreadsheetId,
    range: "Data!A1", valueInputOption: "RAW", requestBody: { values: [["c", 5]] } });
  assert.strictEqual(appended.updates.updatedRange, "Data!A4:B4");
  const { data: read } = await sheets.spreadsheets.values.batchGet({ spreadsheetId,
    ranges: ["Data!B2:B4"], valueRenderOption: "UNFORMATTED_VALUE" });
  assert.deepStrictEqual(read.valueRanges[0].values, [[1], [2], [5]]);
  const { data: batch } = await sheets.spreadsheets.batchUpdate({ spreadsheetId, requestBody: {
    requests: [{ addSheet: { properties: { title: "More" } } }] } });
  assert.strictEqual(batch.replies[0].addSheet.properties.title, "More");
  await assert.rejects(sheets.spreadsheets.values.get({ spreadsheetId, range: "Nope!A1" }),
    (e) => e.code === 400 && /Unable to parse range/.test(e.message));
  const { data: listed } = await drive.files.list({ q: "name = 'Node'", fields: "files(id,mimeType)" });
  assert.deepStrictEqual(listed.files,
    [{ id: spreadsheetId, mimeType: "application/vnd.google-apps.spreadsheet" }]);

  // --- Docs
  const { data: doc } = await docs.documents.create({ requestBody: { title: "Letter" } });
  const documentId = doc.documentId;
  const { data: written } = await docs.documents.batchUpdate({ documentId, requestBody: { requests: [
    { insertText: { location: { index: 1 }, text: "Dear {{name}}\n" } },
    { replaceAllText: { containsText: { text: "{{name}}", matchCase: true }, replaceText: "Ada" } },
  ] } });
  assert.strictEqual(written.replies[1].replaceAllText.occurrencesChanged, 1);
  const { data: letter } = await docs.documents.get({ documentId });
  const text = letter.body.content.flatMap((c) => c.paragraph ? c.paragraph.elements : [])
    .map((e) => e.textRun.content).join("");
  assert.strictEqual(text, "Dear Ada\n\n");
  await assert.rejects(docs.documents.batchUpdate({ documentId, requestBody: { requests: [
    { insertText: { location: { index: 99 }, text: "x" } }] } }),
    (e) => e.code === 400 && /must be less than the end index/.test(e.message));
  const { data: plain } = await drive.files.export({ fileId: documentId, mimeType: "text/plain" });
  assert.match(String(plain), /Dear Ada/);

  // --- Drive
  const { data: folder } = await drive.files.create({ requestBody: { name: "F",
    mimeType: "application/vnd.google-apps.folder" } });
  const { data: before } = await drive.changes.getStartPageToken();
  await drive.files.update({ fileId: documentId, addParents: folder.id, removeParents: "root",
    fields: "parents" });
  const { data: child } = await drive.files.list({ q: `'${folder.id}' in parents` });
  assert.deepStrictEqual(child.files.map((f) => f.id), [documentId]);
  const { data: changes } = await drive.changes.list({ pageToken: before.startPageToken });
  assert.ok(changes.changes.some((c) => c.fileId === documentId));
  const { data: grant } = await drive.permissions.create({ fileId: documentId,
    requestBody: { type: "user", role: "reader", emailAddress: "b@example.com" } });
  const { data: older1 } = await older.permissions.get({ fileId: documentId, permissionId: grant.id });
  assert.strictEqual(older1.emailAddress, "b@example.com");
  const { data: note } = await drive.comments.create({ fileId: documentId, fields: "*",
    requestBody: { content: "why?" } });
  const { data: notes } = await older.comments.list({ fileId: documentId });
  assert.deepStrictEqual(notes.items.map((n) => n.commentId), [note.id]);
  const seen = [];
  let pageToken;
  do {
    const { data: page } = await drive.files.list({ pageSize: 1, pageToken });
    seen.push(...page.files.map((f) => f.id));
    pageToken = page.nextPageToken;
  } while (pageToken);
  assert.strictEqual(new Set(seen).size, 3);
  await drive.files.delete({ fileId: folder.id });
  await assert.rejects(docs.documents.get({ documentId }), (e) => e.code === 404);
  await assert.rejects(drive.files.get({ fileId: "nope" }),
    (e) => e.code === 404 && e.cause.errors[0].reason === "notFound");
  console.log("ok");
})().catch((e) => { console.error(e); process.exit(1); });
