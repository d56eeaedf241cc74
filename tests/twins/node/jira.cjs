// jira.js drives the twin and checks every answer by its own schemas (onSchemaMismatch: throw).
const assert = require("node:assert");
const fs = require("node:fs");
const { pathToFileURL } = require("node:url");
const root = require.resolve.paths("jira.js").find((p) => fs.existsSync(p + "/jira.js")) + "/jira.js";

(async () => {
  const lib = await import(pathToFileURL(root + "/dist/index.js"));
  const options = { host: process.env.BASE, onSchemaMismatch: "throw",
    auth: { type: "basic", email: "admin@example.com", apiToken: process.env.TOKEN } };
  const jira = lib.createCloudClient(options), agile = lib.createAgileClient(options);
  const wrong = [];
  let steps = 0;
  async function step(name, call) {
    steps += 1;
    try {
      return await call();
    } catch (error) {
      const issues = error.issues || (error.cause && error.cause.issues) || [];
      wrong.push(`${name}: ${error.message} ${JSON.stringify(issues).slice(0, 600)}`);
      if (process.env.VERBOSE) console.error(name, error);
      return undefined;
    }
  }
  const doc = (text) => ({ type: "doc", version: 1, content: [
    { type: "paragraph", content: [{ type: "text", text }] }] });

  // --- the site
  const me = await step("myself", () => jira.myself.getCurrentUser({ expand: "groups,applicationRoles" }));
  for (const [name, call] of Object.entries({
    serverInfo: () => jira.serverInfo.getServerInfo(),
    fields: () => jira.issueFields.getFields(),
    fieldsPaged: () => jira.issueFields.getFieldsPaginated({}),
    statuses: () => jira.workflowStatuses.getStatuses(),
    status: () => jira.workflowStatuses.getStatus({ idOrName: "Done" }),
    categories: () => jira.workflowStatusCategories.getStatusCategories(),
    category: () => jira.workflowStatusCategories.getStatusCategory({ idOrKey: "done" }),
    statusSearch: () => jira.status.search({}),
    priorities: () => jira.issuePriorities.searchPriorities({}),
    priority: () => jira.issuePriorities.getPriority({ id: "3" }),
    resolution: () => jira.issueResolutions.getResolution({ id: "10000" }),
    types: () => jira.issueTypes.getIssueAllTypes(),
    linkTypes: () => jira.issueLinkTypes.getIssueLinkTypes(),
    roles: () => jira.projectRoles.getAllProjectRoles(),
    permissions: () => jira.permissions.getMyPermissions({ permissions: "BROWSE_PROJECTS" }),
    configuration: () => jira.jiraSettings.getConfiguration(),
    projectTypes: () => jira.projectTypes.getAllProjectTypes(),
    users: () => jira.users.getAllUsers({}),
    found: () => jira.userSearch.findUsers({ query: "admin" }),
    picked: () => jira.userSearch.findUsersForPicker({ query: "admin" }),
    both: () => jira.groupAndUserPicker.findUsersAndGroups({ query: "admin" }),
    groups: () => jira.groups.findGroups({}),
    dashboards: () => jira.dashboards.getAllDashboards({}),
    labels: () => jira.labels.getAllLabels({}),
    columns: () => jira.issueNavigatorSettings.getIssueNavigatorDefaultColumns(),
    locale: () => jira.myself.getLocale(),
  })) await step(name, call);

  // --- a project and what belongs to it
  const project = await step("createProject", () => jira.projects.createProject({ key: "NODE",
    name: "Node", projectTypeKey: "software", leadAccountId: me.accountId,
    projectTemplateKey: "com.pyxis.greenhopper.jira:gh-simplified-kanban-classic" }));
  await step("getProject", () => jira.projects.getProject({ projectIdOrKey: "NODE" }));
  await step("searchProjects", () => jira.projects.searchProjects({ expand: ["lead", "description"] }));
  await step("projectStatuses", () => jira.projects.getAllStatuses({ projectIdOrKey: "NODE" }));
  await step("projectRoles", () => jira.projectRoles.getProjectRoles({ projectIdOrKey: "NODE" }));
  await step("projectRole", () => jira.projectRoles.getProjectRole({ projectIdOrKey: "NODE", id: 10002 }));
  const part = await step("component", () => jira.projectComponents.createComponent({ name: "api",
    project: "NODE", leadAccountId: me.accountId }));
  await step("components", () => jira.projectComponents.getProjectComponents({ projectIdOrKey: "NODE" }));
  const version = await step("version", () => jira.projectVersions.createVersion({ name: "1.0",
    projectId: Number(project.id), releaseDate: "2030-01-01" }));
  await step("versions", () => jira.projectVersions.getProjectVersions({ projectIdOrKey: "NODE" }));
  await step("versionsPaged", () =>
    jira.projectVersions.getProjectVersionsPaginated({ projectIdOrKey: "NODE" }));
  await step("metaTypes", () => jira.issues.getCreateIssueMetaIssueTypes({ projectIdOrKey: "NODE" }));
  const types = await jira.issueTypes.getIssueAllTypes();
  const task = types.find((t) => t.name === "Task").id;
  await step("metaFields", () =>
    jira.issues.getCreateIssueMetaIssueTypeId({ projectIdOrKey: "NODE", issueTypeId: task }));

  // --- issues
  const made = await step("createIssue", () => jira.issues.createIssue({ fields: {
    project: { key: "NODE" }, issuetype: { name: "Task" }, summary: "From node",
    description: doc("a text"), labels: ["n"], components: [{ id: part.id }],
    fixVersions: [{ id: version.id }], assignee: { accountId: me.accountId } } }));
  const other = await step("createIssues", () => jira.issues.createIssues({ issueUpdates: [
    { fields: { project: { key: "NODE" }, issuetype: { name: "Task" }, summary: "Second" } }] }));
  const key = made.key, id = made.id;
  const whole = await step("getIssue", () => jira.issues.getIssue({ issueIdOrKey: key,
    expand: ["names", "schema", "transitions", "editmeta", "changelog", "renderedFields", "operations"] }));
  assert.strictEqual(whole.fields.summary, "From node");
  await step("editIssue", () => jira.issues.editIssue({ issueIdOrKey: key,
    fields: { summary: "Changed" }, update: { labels: [{ add: "m" }] } }));
  await step("editmeta", () => jira.issues.getEditIssueMeta({ issueIdOrKey: key }));
  const moves = await step("transitions", () =>
    jira.issues.getTransitions({ issueIdOrKey: key, expand: "transitions.fields" }));
  await step("transition", () => jira.issues.doTransition({ issueIdOrKey: key,
    transition: { id: moves.transitions.find((t) => t.to.name === "Done").id } }));
  await step("changelog", () => jira.issues.getChangeLogs({ issueIdOrKey: key }));
  await step("bulkFetch", () => jira.issues.bulkFetchIssues({ issueIdsOrKeys: [key] }));
  await step("assign", () => jira.issues.assignIssue({ issueIdOrKey: key, accountId: null }));
  const comment = await step("addComment", () =>
    jira.issueComments.addComment({ issueIdOrKey: key, body: doc("said") }));
  await step("comments", () => jira.issueComments.getComments({ issueIdOrKey: key }));
  await step("comment", () => jira.issueComments.getComment({ issueIdOrKey: key, id: comment.id }));
  await step("updateComment", () =>
    jira.issueComments.updateComment({ issueIdOrKey: key, id: comment.id, body: { body: doc("again") } }));
  const log = await step("addWorklog", () =>
    jira.issueWorklogs.addWorklog({ issueIdOrKey: key, timeSpentSeconds: 3600, comment: doc("w") }));
  await step("worklogs", () => jira.issueWorklogs.getIssueWorklog({ issueIdOrKey: key }));
  await step("worklogsById", () => jira.issueWorklogs.getWorklogsForIds({ ids: [Number(log.id)] }));
  await step("worklogsSince", () => jira.issueWorklogs.getIdsOfWorklogsModifiedSince({ since: 0 }));
  await step("link", () => jira.issueLinks.linkIssues({ type: { name: "Blocks" },
    inwardIssue: { key }, outwardIssue: { key: other.issues[0].key } }));
  const linked = await jira.issues.getIssue({ issueIdOrKey: key, fields: ["issuelinks"] });
  await step("getLink", () =>
    jira.issueLinks.getIssueLink({ linkId: linked.fields.issuelinks[0].id }));
  await step("remote", () => jira.issueRemoteLinks.createOrUpdateRemoteIssueLink({ issueIdOrKey: key,
    object: { url: "https://example.com", title: "t" } }));
  await step("remotes", () => jira.issueRemoteLinks.getRemoteIssueLinks({ issueIdOrKey: key }));
  await step("watch", () => jira.issueWatchers.addWatcher({ issueIdOrKey: key, accountId: me.accountId }));
  await step("watchers", () => jira.issueWatchers.getIssueWatchers({ issueIdOrKey: key }));
  await step("votes", () => jira.issueVotes.getVotes({ issueIdOrKey: key }));
  await step("property", () => jira.issueProperties.setIssueProperty({ issueIdOrKey: key,
    propertyKey: "p", body: { a: 1 }, propertyValue: { a: 1 } }));
  await step("properties", () => jira.issueProperties.getIssuePropertyKeys({ issueIdOrKey: key }));
  await step("attach", () => jira.issueAttachments.addAttachment({ issueIdOrKey: key,
    attachments: { filename: "a.txt", content: Buffer.from("hello") } }));
  await step("attachmentMeta", () => jira.issueAttachments.getAttachmentMeta());

  // --- search
  const found = await step("search", () => jira.issueSearch.searchAndReconsileIssuesUsingJql({
    jql: "project = NODE order by key", fields: ["*all"], maxResults: 1 }));
  const next = await step("searchNext", () => jira.issueSearch.searchAndReconsileIssuesUsingJqlPost({
    jql: "project = NODE order by key", fields: ["summary"], maxResults: 1,
    nextPageToken: found.nextPageToken }));
  assert.notStrictEqual(next.issues[0].id, found.issues[0].id);
  await step("count", () => jira.issueSearch.countIssues({ jql: "project = NODE" }));
  await step("match", () => jira.issueSearch.matchIssues({ jqls: ["project = NODE"], issueIds: [Number(id)] }));
  await step("picker", () => jira.issueSearch.getIssuePickerResource({ query: "node" }));
  await step("parse", () => jira.jql.parseJqlQueries({ queries: ["project = NODE"], validation: "strict" }));
  await step("autocomplete", () => jira.jql.getAutoComplete());

  // --- filters, dashboards, groups, people, webhooks
  const filter = await step("createFilter", () => jira.filters.createFilter({ name: "N", jql: "project = NODE" }));
  await step("filters", () => jira.filters.getFiltersPaginated({ expand: "jql,owner,description" }));
  await step("favourite", () => jira.filters.setFavouriteForFilter({ id: Number(filter.id) }));
  await step("share", () => jira.filterSharing.addSharePermission({ id: Number(filter.id), type: "authenticated" }));
  await step("shares", () => jira.filterSharing.getSharePermissions({ id: Number(filter.id) }));
  const group = await step("createGroup", () => jira.groups.createGroup({ name: "node" }));
  await step("addUser", () => jira.groups.addUserToGroup({ groupId: group.groupId, accountId: me.accountId }));
  await step("members", () => jira.groups.getUsersFromGroup({ groupId: group.groupId }));
  await step("createUser", () => jira.users.createUser({ emailAddress: "n@example.com", products: [] }));
  await step("field", () => jira.issueFields.createCustomField({ name: "Weight",
    type: "com.atlassian.jira.plugin.system.customfieldtypes:float" }));
  await step("newType", () => jira.issueTypes.createIssueType({ name: "Incident", type: "standard" }));
  await step("newPriority", () => jira.issuePriorities.createPriority({ name: "Now", statusColor: "#fff" }));
  await step("newStatuses", () => jira.status.createStatuses({ scope: { type: "GLOBAL" },
    statuses: [{ name: "Waiting", statusCategory: "TODO", description: "" }] }));
  await step("category", () => jira.projectCategories.createProjectCategory({ name: "C", description: "d" }));

  // --- agile
  const board = await step("createBoard", () => agile.board.createBoard({ name: "B", type: "scrum",
    filterId: Number(filter.id), location: { type: "project", projectKeyOrId: "NODE" } }));
  await step("boards", () => agile.board.getAllBoards({}));
  const sprint = board && await step("createSprint", () =>
    agile.sprint.createSprint({ name: "S", originBoardId: board.id }));
  if (sprint) {
    await step("moveIn", () => agile.sprint.moveIssuesToSprintAndRank({ sprintId: sprint.id, issues: [key] }));
    await step("sprint", () => agile.sprint.getSprint({ sprintId: sprint.id }));
    await step("sprintIssues", () => agile.sprint.getIssuesForSprint({ sprintId: sprint.id }));
    await step("sprints", () => agile.board.getAllSprints({ boardId: board.id }));
    await step("backlog", () => agile.board.getIssuesForBacklog({ boardId: board.id }));
    await step("boardIssues", () => agile.board.getIssuesForBoard({ boardId: board.id }));
    await step("boardConfig", () => agile.board.getConfiguration({ boardId: board.id }));
  }

  // --- every read there is, with whatever ids it may want: what it answers fits its schema
  const ids = { issueIdOrKey: key, projectIdOrKey: "NODE", projectKeyOrId: "NODE", id: "10000",
    ids: ["10000"], accountId: me.accountId, accountIds: [me.accountId], fieldId: "summary",
    jql: "project = NODE", query: "a", permissions: ["BROWSE_PROJECTS"], type: "project",
    projectTypeKey: "software", projectKeys: ["NODE"], since: 0, schemeId: 0, idOrName: "10000" };
  let read = 0;
  for (const [part, methods] of Object.entries(jira)) {
    for (const [name, call] of Object.entries(methods && typeof methods === "object" ? methods : {})) {
      if (typeof call !== "function" || !/^(get|find|search|list)/.test(name)) continue;
      try {
        await call.call(methods, ids);
        read += 1;
      } catch (error) {
        if (error.name === "SchemaMismatchError") wrong.push(`${part}.${name}: ${error.message}`);
      }
    }
  }
  assert.ok(read > 100, `only ${read} reads were answered`);

  // --- errors as the client names them
  await assert.rejects(jira.issues.getIssue({ issueIdOrKey: "NODE-999" }), (e) => lib.isNotFoundError(e));
  await assert.rejects(jira.issueSearch.searchAndReconsileIssuesUsingJql({ jql: "nope = 1" }),
    (e) => lib.isApiError(e));
  await step("delete", () => jira.issues.deleteIssue({ issueIdOrKey: other.issues[0].key }));
  await assert.rejects(jira.issues.getIssue({ issueIdOrKey: other.issues[0].key }),
    (e) => lib.isNotFoundError(e));
  if (wrong.length) throw new Error(`${wrong.length} of ${steps} answers do not fit:\n${wrong.join("\n")}`);
  console.log(`ok, ${steps} answers fit jira.js's own schemas`);
})().catch((e) => { console.error(e); process.exit(1); });
