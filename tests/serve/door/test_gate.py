"""Who comes in, and what is refused before any route."""

import json

import pytest

from ray_bench.errors import ConfigError
from ray_bench.serve.door.headers import HEADERS
from ray_bench.serve.settings import AccessToken, is_loopback
from tests.serve.conftest import PAGE

TOKENS = (
    AccessToken("s" * 20, "submitter", "ada"),
    AccessToken("v" * 20, "viewer"),
)
BEARER = {"Authorization": f"Bearer {'s' * 20}"}


def add_change(app):
    """A route that changes something, as those of jobs do."""
    from ray_bench.serve.actor import Submitter

    made = []

    @app.post("/changes")
    def change(actor: Submitter) -> dict[str, str]:
        made.append(actor.name)
        return {"by": actor.name}

    return made


def log_in(client, token):
    return client.post("/login", data={"token": token, "next": "/sweeps?q=a"})


def test_without_tokens_only_loopback_is_listened_to(make_client):
    with pytest.raises(ConfigError, match="RAY_BENCH_TOKEN"):
        make_client(host="0.0.0.0")
    make_client(host="0.0.0.0", tokens=TOKENS)
    assert [is_loopback(x) for x in ("::1", "127.8.0.1", "localhost", "10.0.0.1", "x")] == [
        True, True, True, False, False,
    ]  # fmt: skip


def test_a_stranger_is_asked_to_log_in_and_a_program_for_a_token(make_client):
    client = make_client(tokens=TOKENS)
    sent = client.get("/sweeps?q=a", headers=PAGE)
    assert (sent.status_code, sent.headers["location"]) == (303, "/login?next=%2Fsweeps%3Fq%3Da")
    asked = client.get("/api/v1/sweeps")
    assert (asked.status_code, asked.headers["www-authenticate"]) == (401, "Bearer")
    shown = client.get("/login?next=/sweeps", headers=PAGE)
    assert shown.status_code == 200
    assert 'href="/new"' not in shown.text


def test_logging_in_gives_a_cookie_that_scripts_and_strangers_do_not_get(make_client):
    client = make_client(tokens=TOKENS, is_behind_tls=True)
    answer = log_in(client, TOKENS[0].secret)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sweeps?q=a")
    cookie = answer.headers["set-cookie"].lower()
    for part in ("httponly", "samesite=strict", "secure", "max-age=43200"):
        assert part in cookie
    assert TOKENS[0].secret not in cookie
    assert "max-age=31536000" in answer.headers["strict-transport-security"]


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil", "/a\r\nb"])
def test_after_logging_in_nobody_is_sent_elsewhere(make_client, target):
    client = make_client(tokens=TOKENS)
    answer = client.post("/login", data={"token": TOKENS[0].secret, "next": target})
    assert answer.headers["location"] == "/sweeps"


def test_a_session_needs_the_token_of_its_page_and_ends(make_client):
    client = make_client(tokens=TOKENS)
    made = add_change(client.app)
    log_in(client, TOKENS[0].secret)
    assert client.post("/changes").status_code == 403
    assert client.post("/changes", json={}).status_code == 403
    assert client.post("/changes", data={"csrf_token": "wrong"}).status_code == 403
    page = client.get("/nowhere", headers=PAGE).text
    token = page.split('name="csrf-token" content="')[1].split('"')[0]
    assert client.post("/changes", data={"csrf_token": token}).json() == {"by": "ada"}
    files = {"csrf_token": (None, token)}
    assert client.post("/changes", files=files).json() == {"by": "ada"}
    assert client.post("/changes", headers={"X-CSRF-Token": token}).json() == {"by": "ada"}
    foreign = {"X-CSRF-Token": token, "Origin": "http://evil.example"}
    assert client.post("/changes", headers=foreign).status_code == 403
    assert made == ["ada"] * 3
    cookie = dict(client.cookies)
    assert client.post("/logout", data={"csrf_token": token}).status_code == 303
    client.cookies.update(cookie)  # kept by a thief
    assert client.get("/api/v1/sweeps").status_code == 401


def test_without_tokens_a_change_needs_the_token_or_json(make_client):
    client = make_client()
    made = add_change(client.app)
    assert client.post("/changes").status_code == 403
    assert client.post("/changes", content="{}", headers={"Content-Type": "text/plain"}).is_error
    for origin in ("http://evil.example", "null", "http://localhost:9999"):
        assert client.post("/changes", json={}, headers={"Origin": origin}).status_code == 403
    assert client.post("/changes", json={}, headers={"Sec-Fetch-Site": "cross-site"}).is_error
    assert made == []
    assert client.post("/changes", json={}).json() == {"by": "local"}
    own = {"Origin": "http://localhost:8300", "Sec-Fetch-Site": "same-origin"}
    assert client.post("/changes", json={}, headers=own).status_code == 200


def test_a_viewer_may_look_and_not_change(make_client):
    client = make_client(tokens=TOKENS)
    made = add_change(client.app)
    viewer = {"Authorization": f"bearer {TOKENS[1].secret}"}
    refused = client.post("/changes", headers=viewer)
    assert (refused.status_code, made) == (403, [])
    assert "role submitter" in refused.json()["detail"]
    assert client.post("/changes", headers=BEARER).json() == {"by": "ada"}
    read_only = make_client(tokens=TOKENS, read_only=True)
    made = add_change(read_only.app)
    assert (read_only.post("/changes", headers=BEARER).status_code, made) == (403, [])


def test_guesses_of_tokens_are_slowed_down(make_client):
    client = make_client(tokens=TOKENS)
    statuses = [log_in(client, "guess").status_code for _ in range(12)]
    assert statuses == [403] * 10 + [429] * 2
    guess = {"Authorization": "Bearer guess"}
    slowed = client.get("/api/v1/sweeps", headers=guess)
    assert slowed.status_code == 429
    assert 1 <= int(slowed.headers["retry-after"]) <= 6


def test_after_many_guesses_the_right_token_waits_too_and_other_ways_in_do_not(make_client):
    client = make_client(tokens=TOKENS)
    log_in(client, TOKENS[0].secret)
    for path in ("/login", "/static/none", "/api/v1/sweeps"):  # each says who is known
        for _ in range(4):
            client.get(path, headers={**PAGE, "Authorization": "Bearer guess"})
    assert client.get("/api/v1/sweeps", headers=BEARER).status_code == 429
    assert client.get("/login", headers={**PAGE, **BEARER}).status_code == 429
    assert client.get("/api/v1/sweeps").status_code == 200, "by the cookie of the session"
    fresh = make_client(tokens=TOKENS)
    assert {fresh.get("/api/v1/sweeps", headers=BEARER).status_code for _ in range(20)} == {200}


def test_questions_do_not_use_up_changes_and_changes_in_them_do(make_client, tmp_path):
    client = make_client(changes_per_minute=2, questions_per_minute=9, tokens=TOKENS)
    headers = {**BEARER, "Accept": "application/json, text/event-stream"}

    def call(name):
        params = {"name": name, "arguments": {}}
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        text = json.dumps(call).replace("submit_", "submit\\u005f")
        given = {**headers, "Content-Type": "application/json"}
        return client.post("/mcp", content=text, headers=given).status_code

    plans = [client.post("/api/v1/plan", json={}, headers=headers) for _ in range(3)]
    assert {x.status_code for x in plans} == {200}
    assert [call("list_sweeps") for _ in range(3)] == [200] * 3
    assert [call("submit_sweep") for _ in range(3)] == [200, 200, 429]
    assert call("list_sweeps") == 429, "nine questions were asked"
    lines = (tmp_path / "state" / "audit.jsonl").read_text().splitlines()
    assert [json.loads(x)["what"] for x in lines] == ["POST /mcp"] * 2


def test_changes_are_slowed_down(make_client):
    client = make_client(changes_per_minute=2)
    made = add_change(client.app)
    assert [client.post("/changes", json={}).status_code for _ in range(3)] == [200, 200, 429]
    assert len(made) == 2


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8300", "localhost.evil.example", "localhost@evil.example",
     "127.0.0.1:x", "localhost:", "", "10.0.0.1", "localhost/evil", "[::1", "a\tb"],
)  # fmt: skip
def test_a_foreign_name_is_refused(make_client, host):
    answer = make_client().get("/login", headers={"Host": host, **PAGE})
    assert answer.status_code == 400
    assert "--host-name" in answer.text


@pytest.mark.parametrize("host", ["LOCALHOST", "127.0.0.1:8300", "[::1]:8300", "bench.example"])
def test_own_names_are_known(make_client, host):
    client = make_client(hosts=("bench.example",))
    assert client.get("/login", headers={"Host": host, **PAGE}).status_code == 200


def test_a_service_for_all_addresses_is_called_by_any_address_and_no_foreign_name(make_client):
    client = make_client(host="0.0.0.0", tokens=TOKENS)
    assert client.get("/login", headers={"Host": "10.0.0.7:8300", **PAGE}).status_code == 200
    assert client.get("/login", headers={"Host": "evil.example", **PAGE}).status_code == 400


def test_a_body_has_a_limit_however_it_comes(make_client):
    client = make_client()
    made = add_change(client.app)
    declared = client.post("/changes", json="x" * 1_000_001)
    chunks = client.post(
        "/changes",
        content=(b"x" * 100_000 for _ in range(11)),
        headers={"Content-Type": "application/json"},
    )
    lies = client.post("/changes", content=b"{}", headers={"Content-Length": "-1"})
    assert [x.status_code for x in (declared, chunks, lies)] == [413, 413, 400]
    assert made == []


def test_every_answer_says_what_a_browser_may_do_with_it(make_client):
    client = make_client()

    @client.app.get("/broken")
    def broken() -> None:
        raise RuntimeError("a secret of the code")

    for path in ("/broken", "/nowhere", "/login", "/static/serve.css", "/static/none"):
        answer = client.get(path, headers=PAGE)
        for name in HEADERS:
            assert name in answer.headers, (path, name)
        assert "secret of the code" not in answer.text
        assert "'unsafe-inline'" not in HEADERS["Content-Security-Policy"].split("style-src")[0]
    assert client.get("/broken", headers=PAGE).status_code == 500
    assert client.get("/api/v1/none").json() == {"detail": "There is no such page."}


def test_the_audit_names_people_and_no_secrets(make_client, tmp_path):
    client = make_client(tokens=TOKENS)
    add_change(client.app)
    log_in(client, "a guess")
    log_in(client, TOKENS[1].secret)
    client.post("/changes", headers=BEARER)
    client.post("/changes%1b%5b31m", headers={"Authorization": f"Bearer {TOKENS[1].secret}"})
    path = tmp_path / "state" / "audit.jsonl"
    text = path.read_text()
    lines = [json.loads(x) for x in text.splitlines()]
    assert [(x["who"], x["what"], x["outcome"]) for x in lines[:3]] == [
        ("unknown", "POST /login", 403),
        (lines[1]["who"], "POST /login", 303),
        ("ada", "POST /changes", 200),
    ]
    assert lines[1]["who"].startswith("viewer-")
    assert (lines[3]["what"], lines[3]["outcome"]) == ("POST /changes\x1b[31m", 404)
    for secret in (TOKENS[0].secret, TOKENS[1].secret, "a guess", "\x1b"):
        assert secret not in text
    assert path.stat().st_mode & 0o077 == 0


def test_a_state_folder_that_cannot_be_written_is_said(make_client, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="--state-dir"):
        make_client(state_dir=tmp_path / "file" / "state")
