// @okta/okta-sdk-nodejs drives the twin: lifecycle, paging, search, apps, policies, errors.
const assert = require("node:assert");
const okta = require("@okta/okta-sdk-nodejs");
const client = new okta.Client({
  orgUrl: process.env.BASE, token: process.env.TOKEN, testing: { disableHttpsCheck: true },
});
(async () => {
  const { group } = { group: await client.groupApi.createGroup({ group: { profile: { name: "Node" } } }) };
  const users = [];
  for (let n = 0; n < 5; n++) {
    const login = `node${n}@example.com`;
    const user = await client.userApi.createUser({
      body: { profile: { firstName: "N", lastName: String(n), email: login, login },
              credentials: { password: { value: "Abcd1234!" } } }, activate: true });
    users.push(user);
    await client.groupApi.assignUserToGroup({ groupId: group.id, userId: user.id });
  }
  const seen = [];
  const members = await client.groupApi.listGroupUsers({ groupId: group.id, limit: 2 });
  await members.each((u) => { seen.push(u.id); });
  assert.deepStrictEqual(seen.sort(), users.map((u) => u.id).sort());
  const hits = [];
  const found = await client.userApi.listUsers({ search: 'profile.lastName eq "3"' });
  await found.each((u) => { hits.push(u.profile.login); });
  assert.deepStrictEqual(hits, ["node3@example.com"]);
  await client.userApi.suspendUser({ userId: users[0].id }).catch(async () =>
    client.userLifecycleApi.suspendUser({ id: users[0].id }));
  const again = await client.userApi.getUser({ userId: users[0].id, id: users[0].id });
  assert.strictEqual(again.status, "SUSPENDED");
  const app = await client.applicationApi.createApplication({ application: {
    name: "bookmark", label: "Node bookmark", signOnMode: "BOOKMARK",
    settings: { app: { requestIntegration: false, url: "https://example.com" } } } });
  await assert.rejects(client.applicationApi.deleteApplication({ appId: app.id }),
    (e) => e.status === 403 && e.errorCode === "E0000056");
  await client.applicationApi.deactivateApplication({ appId: app.id });
  await client.applicationApi.deleteApplication({ appId: app.id });
  await assert.rejects(client.groupApi.getGroup({ groupId: "00gNONE" }),
    (e) => e.status === 404 && e.errorCode === "E0000007");
  console.log("ok", group.id);
})().catch((e) => { console.error(e); process.exit(1); });
