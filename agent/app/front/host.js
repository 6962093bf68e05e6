// The page inside a chat: MCP Apps (io.modelcontextprotocol/ui, 2026-01-26), JSON-RPC over postMessage.

const VERSION = "2026-01-26";
const THEMED = /^--(color|font-(sans|mono)|border-radius)[a-z0-9-]*$/;
const TALLEST = 860;

export class Host {
  // `heard` maps methods of notifications to functions that take their params.
  constructor(heard) {
    this.heard = heard;
    this.waiting = new Map();
    this.last = 0;
    this.context = {};
    this.capabilities = {};
    window.addEventListener("message", (event) => this.#message(event));
  }

  async begin(version) {
    const begun = await this.request("ui/initialize", {
      appInfo: { name: "wardround", title: "wardround", version },
      appCapabilities: { availableDisplayModes: ["inline", "fullscreen"] },
      protocolVersion: VERSION,
    });
    this.capabilities = begun.hostCapabilities ?? {};
    this.#changed(begun.hostContext ?? {});
    this.notify("ui/notifications/initialized");
    new ResizeObserver(() => this.#size()).observe(document.body);
  }

  request(method, params = {}) {
    const id = (this.last += 1);
    this.#post({ id, method, params });
    return new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
  }

  notify(method, params = {}) {
    this.#post({ method, params });
  }

  // A resource of the server, as {mimeType, blob}; null where the host passes none on.
  async read(uri) {
    if (!this.capabilities.serverResources) return null;
    const { contents } = await this.request("resources/read", { uri });
    return contents?.[0] ?? null;
  }

  can(name) {
    return Boolean(this.capabilities[name]);
  }

  download(name, mimeType, text) {
    const resource = { uri: `file:///${name}`, mimeType, text };
    return this.request("ui/download-file", { contents: [{ type: "resource", resource }] });
  }

  tell(text) {
    return this.request("ui/update-model-context", { content: [{ type: "text", text }] });
  }

  get full() {
    return (this.context.availableDisplayModes ?? []).includes("fullscreen");
  }

  async toggleFull() {
    const mode = this.context.displayMode === "fullscreen" ? "inline" : "fullscreen";
    const { mode: now } = await this.request("ui/request-display-mode", { mode });
    this.#changed({ displayMode: now });
  }

  #post(message) {
    window.parent.postMessage({ jsonrpc: "2.0", ...message }, "*");
  }

  #message({ source, data }) {
    if (source !== window.parent || data?.jsonrpc !== "2.0") return;
    if (data.method === undefined) this.#answered(data);
    else if (data.id !== undefined) this.#asked(data);
    else if (data.method === "ui/notifications/host-context-changed") this.#changed(data.params ?? {});
    else this.heard[data.method]?.(data.params ?? {});
  }

  #answered({ id, result, error }) {
    const waiting = this.waiting.get(id);
    this.waiting.delete(id);
    if (error) waiting?.reject(new Error(error.message));
    else waiting?.resolve(result ?? {});
  }

  #asked({ id, method }) {
    const known = ["ping", "ui/resource-teardown"].includes(method);
    this.#post(known ? { id, result: {} } : { id, error: { code: -32601, message: "Method not found" } });
  }

  // Colours and fonts by name alone: no style sheet of the host is taken, and nothing is loaded.
  #changed(context) {
    Object.assign(this.context, context);
    const root = document.documentElement;
    if (["light", "dark"].includes(context.theme)) root.dataset.theme = context.theme;
    if (context.displayMode) root.dataset.display = context.displayMode;
    for (const [name, value] of Object.entries(context.styles?.variables ?? {})) {
      if (THEMED.test(name) && typeof value === "string") root.style.setProperty(name, value);
    }
    this.heard.context?.();
  }

  // The page asks for its height up to a limit, and scrolls within, so that the picture stays in view.
  #size() {
    const most = this.context.containerDimensions?.maxHeight ?? TALLEST;
    const height = Math.min(most, Math.ceil(document.body.scrollHeight));
    if (height === this.height) return;
    this.height = height;
    this.notify("ui/notifications/size-changed", { height });
  }
}
