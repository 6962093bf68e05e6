// Walks the steps with the official TypeScript SDK: version 2 (`@modelcontextprotocol/client`), or
// version 1 (`@modelcontextprotocol/sdk`) where the protocol's revision is the earlier one.
//
// node walk.mjs '{"sdk": 2, "mode": "2026-07-28", "command": […], "env": {…}}'
// node walk.mjs '{"sdk": 1, "mode": "legacy", "url": "…", "token": "…"}'
//
// stdout: one JSON object a line; the first says what was agreed on, the others are the steps.
import { readFileSync } from "node:fs";

const given = JSON.parse(process.argv[2]);
const steps = JSON.parse(readFileSync(new URL("steps.json", import.meta.url)));
const kept = { thread: given.thread };
let reply = null;
const asked = [];

async function parts() {
  if (given.sdk === 2) {
    const main = await import("@modelcontextprotocol/client");
    const stdio = await import("@modelcontextprotocol/client/stdio");
    return { ...main, ...stdio };
  }
  const [client, http, stdio, types] = await Promise.all([
    import("@modelcontextprotocol/sdk/client/index.js"),
    import("@modelcontextprotocol/sdk/client/streamableHttp.js"),
    import("@modelcontextprotocol/sdk/client/stdio.js"),
    import("@modelcontextprotocol/sdk/types.js"),
  ]);
  return { ...client, ...http, ...stdio, ...types };
}

function transport(sdk) {
  if (given.url) {
    const headers = { Authorization: `Bearer ${given.token}` };
    return new sdk.StreamableHTTPClientTransport(new URL(given.url), { requestInit: { headers } });
  }
  const [command, ...args] = given.command;
  return new sdk.StdioClientTransport({ command, args, env: given.env, cwd: given.cwd, stderr: "ignore" });
}

function answered(request) {
  asked.push(request.params.message);
  return reply ? { action: "accept", content: filled(reply) } : { action: "decline" };
}

function filled(value) {
  if (typeof value === "string") return value.startsWith("$") ? kept[value.slice(1)] : value;
  if (Array.isArray(value)) return value.map(filled);
  if (value && typeof value === "object")
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, filled(one)]));
  return value;
}

async function call(client, step, progress) {
  const params = filled(step.params);
  const options = step.progress ? { onprogress: (one) => progress.push(one.message) } : undefined;
  switch (step.method) {
    case "tools/list": return client.listTools(params);
    case "prompts/list": return client.listPrompts(params);
    case "resources/templates/list": return client.listResourceTemplates(params);
    case "resources/read": return client.readResource(params);
    case "prompts/get": return client.getPrompt(params);
    case "completion/complete": return client.complete(params);
    // Version 1 takes the schema of the result before the options.
    case "tools/call": return given.sdk === 2 ? client.callTool(params, options) : client.callTool(params, undefined, options);
  }
  throw new Error(step.method);
}

function tell(one) {
  process.stdout.write(JSON.stringify(one) + "\n");
}

const sdk = await parts();
const capabilities = { elicitation: { form: {} } };
const mode = given.mode === "legacy" ? "legacy" : { pin: given.mode };
const options = given.sdk === 2 ? { capabilities, versionNegotiation: { mode } } : { capabilities };
const client = new sdk.Client({ name: "walk", version: "1" }, options);
client.setRequestHandler(given.sdk === 2 ? "elicitation/create" : sdk.ElicitRequestSchema, answered);
const way = transport(sdk);
await client.connect(way);
const protocol = given.sdk === 2 ? client.getNegotiatedProtocolVersion() : way.protocolVersion;
tell({ protocol: protocol ?? null, server: client.getServerVersion()?.name ?? null });
for (const step of steps) {
  const progress = [];
  asked.length = 0;
  reply = step.reply ?? null;
  const told = { sent: filled(step.params) };
  try {
    told.result = await call(client, step, progress);
    for (const [name, path] of Object.entries(step.keep ?? {}))
      kept[name] = path.reduce((value, key) => value[key], told.result);
  } catch (error) {
    told.error = { code: error.code ?? null, message: error.message };
  }
  tell({ ...told, progress, asked: [...asked] });
}
await client.close();
