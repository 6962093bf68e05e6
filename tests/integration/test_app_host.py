"""The page as an MCP App: what the server says of it, and a stand-in host that shows it."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client

from agent.app.page import empty_page
from agent.server import build_consulting_server
from tests.browser import Tab, browser
from tests.stated import PICTURE_URI, stated

URI = "ui://wardround/answer"
TYPE = "text/html;profile=mcp-app"
LEAST_OPEN = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; media-src 'self' data:; connect-src 'none'"
)
"""What a host has to enforce for an app that declares no domain."""
QUESTION = "What is the polygenic score PGS001229 of sample 1, with min overlap 0.01?"
FILES = ("tiny1000G.vcf.gz", "PGS001229_hmPOS_GRCh38.txt.gz")

HOST = """<!doctype html><meta charset="utf-8"><title>A host</title>
<iframe id="app" sandbox="allow-scripts" style="width: 720px; height: 200px; border: 0"></iframe>
<script>
const frame = document.getElementById("app");
window.heard = [];
window.held = HELD;
const answers = {
  "ui/initialize": () => ({
    protocolVersion: "2026-01-26", hostInfo: { name: "stand-in", version: "1" },
    hostCapabilities: window.held.capabilities, hostContext: window.held.context,
  }),
  "resources/read": ({ uri }) => ({ contents: [{ uri, ...window.held.resources[uri] }] }),
  "ui/update-model-context": () => ({}),
  "ui/download-file": () => ({}),
  "ui/request-display-mode": ({ mode }) => ({ mode }),
};
window.tell = (message) => frame.contentWindow.postMessage({ jsonrpc: "2.0", ...message }, "*");
addEventListener("message", ({ source, data }) => {
  if (source !== frame.contentWindow) return;
  window.heard.push(data);
  const { id, method, params } = data;
  if (id !== undefined && method) tell({ id, result: answers[method](params) });
  if (method === "ui/notifications/size-changed") frame.style.height = `${params.height}px`;
});
frame.srcdoc = window.held.page;
</script>"""


pytestmark = pytest.mark.xdist_group("app-host")


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture
def host(tab: Tab, tmp_path: Path) -> Any:
    """Show the app in a stand-in host; gives a function that starts it."""

    def start(
        resources: dict[str, Any] | None = None, context: dict[str, Any] | None = None
    ) -> Tab:
        tab.complaints.clear()
        tab.requests.clear()
        policy = f'<meta http-equiv="Content-Security-Policy" content="{LEAST_OPEN}">'
        held = {
            "page": empty_page().replace("<head>", f"<head>{policy}", 1),
            "resources": resources or {},
            "context": context or {"theme": "light", "displayMode": "inline"},
            "capabilities": {
                "serverResources": {},
                "updateModelContext": {"text": {}},
                "downloadFile": {},
            },
        }
        text = json.dumps(held).replace("<", "\\u003c")
        (tmp_path / "host.html").write_text(HOST.replace("HELD", text), encoding="utf-8")
        tab.show((tmp_path / "host.html").as_uri())
        tab.until("heard.some((one) => one.method === 'ui/notifications/initialized')")
        return tab

    return start


def _result(tab: Tab, **result: Any) -> None:
    message = {"method": "ui/notifications/tool-result", "params": {"content": [], **result}}
    tab.run(f"tell({json.dumps(message)})")


async def test_consult_names_the_page_and_the_server_has_it(settings, anyio_backend) -> None:
    async with Client(build_consulting_server(settings)) as client:
        tools = {tool.name: tool for tool in await client.list_tools()}
        assert tools["consult"].meta["ui"] == {"resourceUri": URI}
        assert all(
            "ui" not in (tool.meta or {}) for name, tool in tools.items() if name != "consult"
        )
        listed = {str(one.uri): one for one in await client.list_resources()}
        assert listed[URI].mime_type == TYPE
        (content,) = (await client.read_resource_mcp(URI)).contents
    nothing = ["connectDomains", "resourceDomains", "frameDomains", "baseUriDomains"]
    assert content.mime_type == TYPE
    assert content.meta["ui"] == {"csp": {name: [] for name in nothing}, "prefersBorder": True}
    assert content.text == empty_page()


async def test_a_server_of_single_tools_has_no_page(settings, anyio_backend) -> None:
    async with Client(build_consulting_server(settings, ["report_ct"])) as client:
        assert await client.list_resources() == []


def test_the_page_is_small_and_names_no_address() -> None:
    page = empty_page()
    assert len(page.encode()) < 100_000
    assert "http:" not in page and "https:" not in page


def test_handshake_comes_first_and_follows_the_protocol(host) -> None:
    tab = host()
    first, second = tab.run("heard.slice(0, 2)")
    assert first["method"] == "ui/initialize"
    assert first["params"]["protocolVersion"] == "2026-01-26"
    assert first["params"]["appInfo"]["name"] == "wardround"
    assert "inline" in first["params"]["appCapabilities"]["availableDisplayModes"]
    assert second["method"] == "ui/notifications/initialized" and "id" not in second


def test_consultation_is_shown_from_input_to_pictures(host, settings, data) -> None:
    async def consulted() -> tuple[dict[str, Any], dict[str, Any]]:
        own = settings.model_copy(update={"roots": (data,)})
        async with Client(build_consulting_server(own)) as client:
            files = [str(data / "genomics" / name) for name in FILES]
            asked = {"question": QUESTION, "files": files}
            result = await client.call_tool_mcp("consult", asked)
            uri = result.structured_content["pictures"][0]["uri"]
            (content,) = (await client.read_resource_mcp(uri)).contents
            wire = {"by_alias": True, "mode": "json", "exclude_none": True}
            return result.model_dump(**wire), {uri: content.model_dump(**wire)}

    result, resources = asyncio.run(consulted())
    tab = host(resources)
    asked = {
        "method": "ui/notifications/tool-input",
        "params": {"arguments": {"question": QUESTION}},
    }
    tab.run(f"tell({json.dumps(asked)})")
    with tab.inside():
        tab.until("document.body.textContent.includes('Consulting')")
    _result(tab, **result)
    with tab.inside():
        tab.until("document.querySelector('.opener')")
        tab.until("document.querySelector('.stage canvas').width > 100")
        assert "percentile" in tab.run("document.querySelector('.detail').textContent")
        assert tab.run("document.querySelector('h1').textContent") == QUESTION
    tab.until("heard.some((one) => one.method === 'ui/notifications/size-changed')")
    assert 300 < tab.run("document.getElementById('app').clientHeight") <= 860
    assert tab.outside() == [] and tab.complaints == []


def test_review_goes_to_the_chat_and_to_a_file_through_the_host(host) -> None:
    answer, blob = stated(), base64.b64encode(b"").decode()
    tab = host({PICTURE_URI: {"mimeType": "image/png", "blob": blob}})
    _result(tab, structuredContent=answer.model_dump(mode="json"))
    with tab.inside():
        tab.until("document.querySelector('.opener')")
        tab.run("document.querySelector('[data-mark=struck]').click()")
        names = tab.run("[...document.querySelectorAll('.actions button')].map(b => b.textContent)")
        assert names == ["Save JSON", "Save Markdown", "Tell the chat"]
        tab.run("document.querySelectorAll('.actions button').forEach((one) => one.click())")
    tab.until("heard.filter((one) => one.method === 'ui/download-file').length === 2")
    tab.until("heard.some((one) => one.method === 'ui/update-model-context')")
    heard = {one["method"]: one for one in tab.run("heard") if "method" in one}
    told = heard["ui/update-model-context"]["params"]["content"][0]["text"]
    assert f"~~{answer.statements[0].text}~~ (struck by the reader)" in told
    resource = heard["ui/download-file"]["params"]["contents"][0]["resource"]
    assert resource["mimeType"] == "text/markdown" and resource["text"] == told


def test_theme_follows_the_host_and_its_style_sheets_do_not(host) -> None:
    variables = {"--color-text-primary": "rgb(1, 2, 3)", "--unknown": "red"}
    styles = {"variables": variables, "css": {"fonts": "@import url('http://127.0.0.1:9/x.css');"}}
    tab = host(context={"theme": "dark", "styles": styles})
    _result(tab, structuredContent=stated().model_dump(mode="json"))
    with tab.inside():
        tab.until("document.querySelector('.opener')")
        style = "getComputedStyle(document.body)"
        assert tab.run(f"{style}.color") == "rgb(1, 2, 3)"
        assert tab.run("getComputedStyle(document.documentElement).colorScheme") == "dark"
        assert tab.run(f"{style}.getPropertyValue('--unknown')") == ""
    tab.run("tell({method: 'ui/notifications/host-context-changed', params: {theme: 'light'}})")
    with tab.inside():
        tab.until("getComputedStyle(document.documentElement).colorScheme === 'light'")
    assert tab.outside() == []


@pytest.mark.parametrize(
    "result, shown",
    [
        (
            {"isError": True, "content": [{"type": "text", "text": "no_such_file: None."}]},
            "no_such",
        ),
        ({"content": [{"type": "text", "text": "<b>plain</b>"}]}, "<b>plain</b>"),
        ({"structuredContent": {"statements": 3}, "content": []}, "Answer"),
    ],
)
def test_results_that_are_no_answer_are_shown_as_text(host, result, shown) -> None:
    tab = host()
    _result(tab, **result)
    with tab.inside():
        tab.until(f"document.querySelector('main').textContent.includes({json.dumps(shown)})")


def test_requests_of_the_host_are_answered(host) -> None:
    tab = host()
    for number, method in enumerate(("ping", "ui/resource-teardown", "unheard/of"), 90):
        tab.run(f"tell({{id: {number}, method: '{method}'}})")
    tab.until("heard.filter((one) => one.id >= 90).length === 3")
    ping, teardown, unheard = (one for one in tab.run("heard") if one.get("id", 0) >= 90)
    assert ping["result"] == {} and teardown["result"] == {}
    assert unheard["error"]["code"] == -32601
    tab.run("tell({method: 'ui/notifications/tool-cancelled', params: {reason: 'user action'}})")
    with tab.inside():
        tab.until("document.querySelector('h1').textContent.includes('stopped')")
