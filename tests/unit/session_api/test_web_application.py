"""The files of the web application: small, unchanged where they are others', and bound to their own host."""

import re
from base64 import b64encode
from hashlib import sha512
from importlib.resources import files

import pytest

from session_api.web_application.files import FILES, PUBLIC_PATHS, shortened_script, shortened_style
from session_api.web_application.security import security_headers
from tests.support.scripts import templates

STATIC = files("session_api.web_application").joinpath("static")
MOST_BYTES = 129_000
VENDORED = {
    # htm 3.1.1, dist/htm.mjs; Preact 11.2.0, dist/preact.mjs and hooks/dist/hooks.mjs; the LICENSE of each.
    "LICENSE-htm.txt": "nOQY1H1YoDXqFfdKX+s4eby128QDCZy8EGUG8dAQXvWwOqNhJx7cSN5J0DRgDebIulyyxpBkM1xpUXpq+8+mVQ==",
    "LICENSE-preact.txt": "6my4RGF9+dbak8UWEHnlkBIgwR6jKLQkBXoEKfmw/mMa1rnyd24LpWRre5YwAIj0Y/IDisBzjq4Piw/dP0fjcg==",
    "hooks.js": "wIuf1TsmAPmto/ELMUGJwEBe/at7+/ijt+setal/66l3zqdTT88/HcfmX1skwm5ZCYjJIpyVHrwWF75lBSgleA==",
    "htm.js": "TXdoWjmooMSasl6EfWdABy+fpJFGbmKVoodY2m2VlP46zlETWaHccFLQYXkKyv8YPIY4nDRbRUnuzMDGqWfkSA==",
    "preact.js": "selsyHt28hWSbutuuwWayUATzvsgvWiGTSbtDbhRaQTzzR+If5qsQOSwU+EnFLQutrhV81YsTunVJK26fmvdDg==",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'{}; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def own_scripts() -> dict[str, str]:
    return {
        path: file.content.decode() for path, file in FILES.items() if path.endswith(".js") and "/vendor/" not in path
    }


def test_scripts_and_styles_are_small_together() -> None:
    loaded = {path: len(file.content) for path, file in FILES.items() if path.endswith((".js", ".css"))}
    assert sum(loaded.values()) <= MOST_BYTES, sorted(loaded.items(), key=lambda size: -size[1])


def test_comments_leave_empty_lines_and_indentation_goes() -> None:
    script = b"// One.\nlet a = 1; // stays\n\t/** Two\n\t * lines. */\n/** a */ let b = [\n\t\t'https://c'];\n"
    assert shortened_script(script) == b"\nlet a = 1; // stays\n\n\n/** a */ let b = [\n'https://c'];\n"


def test_styles_lose_comments_and_space_that_separates_nothing() -> None:
    style = (
        b"/* One. */\n:root {\n\t--a: light-dark(#fff, #000);\n}\n"
        b"a:hover .b > c, d { margin: 0 calc(1px - 2px); content: ''; }\n"
    )
    expected = b":root{--a:light-dark(#fff,#000);}a:hover .b > c,d{margin:0 calc(1px - 2px);content:'';}"
    assert shortened_style(style) == expected


def test_no_text_in_the_styles_has_space_that_would_go() -> None:
    texts = re.findall(r'"[^"\n]*"', STATIC.joinpath("app.css").read_text())
    assert [text for text in texts if shortened_style(text.encode()) != text.encode()] == []


def test_only_templates_of_htm_have_several_lines() -> None:
    sources = {path.name: path.read_text() for path in STATIC.iterdir() if path.name.endswith(".js")}
    tags = {name: {tag for tag, text in templates(source) if "\n" in text} for name, source in sources.items()}

    assert set().union(*tags.values()) == {"html"}


def test_vendored_files_are_those_of_the_registry() -> None:
    vendored = {entry.name: entry.read_bytes() for entry in STATIC.joinpath("vendor").iterdir()}
    assert {name: b64encode(sha512(content).digest()).decode() for name, content in vendored.items()} == VENDORED


def test_the_policy_allows_the_service_and_nothing_else() -> None:
    assert security_headers()["Content-Security-Policy"] == POLICY.format("")


def test_the_policy_allows_the_sign_in_provider_too() -> None:
    headers = security_headers(["https://login.example/tenant/token", "https://login.example:8443/keys"])
    assert headers["Content-Security-Policy"] == POLICY.format(" https://login.example https://login.example:8443")


def test_the_page_has_no_script_and_no_style_inside() -> None:
    page = FILES["/app/"].content.decode()
    assert re.findall(r"<style|<script(?![^>]*\bsrc=)|\bon\w+=|\bstyle=|javascript:", page) == []


def test_no_script_makes_html_or_code_from_text() -> None:
    forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|dangerouslySet"
    assert {
        path: re.findall(forbidden, text) for path, text in own_scripts().items() if re.search(forbidden, text)
    } == {}


def test_every_import_is_a_file_of_the_application() -> None:
    imported = {
        path.rpartition("/")[0] + name[1:]
        for path, text in own_scripts().items()
        for name in re.findall(r'from "(\./[^"]+)"', text)
    }
    assert imported - set(FILES) == set()


def test_no_module_is_longer_than_two_hundred_and_ten_lines() -> None:
    assert {path: text.count("\n") for path, text in own_scripts().items() if text.count("\n") > 210} == {}


def test_each_public_path_is_exact() -> None:
    assert {path for path in PUBLIC_PATHS if not re.fullmatch(r"/app(/[A-Za-z0-9_./-]*)?", path)} == set()


def test_entity_tags_of_files_differ() -> None:
    assert len({file.etag for file in FILES.values()}) == len(FILES)


@pytest.mark.parametrize("name", ["app.css", "main.js"])
def test_each_file_has_its_media_type(name: str) -> None:
    wanted = {"app.css": "text/css", "main.js": "text/javascript"}
    assert FILES[f"/app/{name}"].media_type == wanted[name]
