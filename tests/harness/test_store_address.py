"""User and password of a store: used, and never said."""

import base64
import os
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from sqlalchemy.exc import SAWarning

from harness.tracking.errors import StoreError, redact_credentials
from harness.tracking.queries import SqlReader, strip_credentials
from harness.tracking.store import Store
from liteppo.program import main as liteppo
from tests.harness.store_samples import RECORD


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """What a test sets is forgotten, MLflow's own patience too."""
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")


@pytest.fixture
def locked():
    """A server that lets nobody in and remembers who asked."""
    asked = []

    class Locked(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.headers.get("Authorization", ""))
            self.send_response(401)
            self.end_headers()

        do_POST = do_GET

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Locked) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://alice:s3cret%40word@127.0.0.1:{server.server_port}", asked
        server.shutdown()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("http://alice:s3cret@host:5000/x", "http://***@host:5000/x"),
        (
            "could not reach postgresql://alice:p@ss:word@host/db at all",
            "could not reach postgresql://***@host/db at all",
        ),
        ("http://token@host", "http://***@host"),
        ("http://host:5000/a@b", "http://host:5000/a@b"),
        ("mysql://host/db?user=a&password=s3cret&ssl=1", "mysql://host/db?user=a&password=***&ssl=1"),
        ("postgresql://host/db?sslpassword=s3#cret", "postgresql://host/db?sslpassword=***"),
        ("http://host?Access_Token=s3cret gives 401", "http://host?Access_Token=*** gives 401"),
        ("mssql://?odbc_connect=UID%3Da%3BPWD%3Ds3cret", "mssql://?odbc_connect=***"),
        (
            "mysql://host/db?pwd=a&passwd=b&api_key=c&charset=d",
            "mysql://host/db?pwd=***&passwd=***&api_key=***&charset=d",
        ),
        ("sqlite:////tmp/results/mlflow.db", "sqlite:////tmp/results/mlflow.db"),
    ],
)
def test_credentials_are_taken_out_of_a_text(text, said):
    assert redact_credentials(text) == said


def test_credentials_of_a_server_go_to_where_mlflow_reads_them():
    assert strip_credentials("https://alice:s3cret%40word@host:8443/mlflow") == "https://host:8443/mlflow"
    assert os.environ["MLFLOW_TRACKING_USERNAME"] == "alice"
    assert os.environ["MLFLOW_TRACKING_PASSWORD"] == "s3cret@word"


def test_an_address_without_credentials_changes_nothing(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "bob")
    assert strip_credentials("http://host:5000") == "http://host:5000"
    assert os.environ["MLFLOW_TRACKING_USERNAME"] == "bob"


def test_a_server_is_sent_the_credentials_and_a_refusal_does_not_name_them(results, monkeypatch, locked):
    address, asked = locked
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    store = Store.open(results)
    with pytest.raises(StoreError) as caught:
        store.finished("norms")
    assert "refuses access; set MLFLOW_TRACKING_USERNAME" in str(caught.value)
    assert asked[0] == f"Basic {base64.b64encode(b'alice:s3cret@word').decode()}"
    assert "s3cret" not in str(caught.value) + store.place + repr(caught.value.__cause__)


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("ftp://alice:s3cret@host", "is neither a database nor a server; use sqlite:///FILE or http://HOST"),
        ("postgresql://alice:s3cret@host:port/db", "is not a database address"),
        ("mysql+nosuch://alice:s3cret@host/db", "is not a database address"),
        ("mssql+nodriver://alice:s3cret@host/db", "is not a database address"),
        ("mysql://host/db?user=a&password=s3cret", "mysql://host/db?user=a&password=*** needs the package MySQLdb"),
    ],
)
def test_an_address_that_is_none_is_refused_without_its_password(results, monkeypatch, uri, said):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(StoreError) as caught:
        Store.open(results)
    assert said in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_a_sqlite_file_is_read_alike_with_and_without_sqlalchemy(store, results):
    store.finish(store.begin(RECORD.head), RECORD)
    plain, optioned = (SqlReader(f"sqlite:///{results / 'mlflow.db'}{options}") for options in ("", "?timeout=5"))
    assert type(plain._database) is not type(optioned._database)
    assert plain.runs(RECORD.study) == optioned.runs(RECORD.study) != []
    assert plain.runs(RECORD.study, RECORD.run_id) == optioned.runs(RECORD.study, RECORD.run_id) != []
    assert plain.run_tags(RECORD.study, "") == optioned.run_tags(RECORD.study, "") != {}
    assert plain.experiments() == optioned.experiments()
    assert (plain.file, plain.place) == (optioned.file, optioned.place)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "mysql+pymysql", "http", "https", "ftp"])
@pytest.mark.parametrize("password", ["s3cret/word", "s3cret#word", "s3cret?word", "s3cret\\word", "s3cret word"])
def test_a_password_that_is_not_encoded_is_refused_and_not_said(results, monkeypatch, capsys, scheme, password):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"{scheme}://alice:{password}@host/db")
    with pytest.raises(StoreError, match="percent-encode .* in user, password and path: '/' is %2F") as caught:
        Store.open(results)
    assert liteppo(["ui"]) == 1
    said = f"{caught.value} {capsys.readouterr()}"
    assert not any(word in said for word in ("s3cret", "word@", "alice", "host"))


@pytest.mark.parametrize(
    "address", ["http://alice:s3[cret@host", "http://alice:s3cret\u2100@host", "alice:s3cret@host"]
)
def test_an_address_in_which_no_host_is_found_is_refused_and_not_said(results, monkeypatch, address):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    with pytest.raises(StoreError, match="MLFLOW_TRACKING_URI cannot be read; percent-encode") as caught:
        Store.open(results)
    assert "s3" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_path_of_a_file_may_hold_what_it_likes(results, monkeypatch, tmp_path):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/me@work and home/mlflow.db")
    assert Store.open(results).place == f"{tmp_path}/me@work and home/mlflow.db"


def test_the_name_of_a_database_and_of_a_server_hides_a_password_in_the_query(results, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9?token=s3cret")
    assert Store.open(results).place == "http://127.0.0.1:9?token=***"
    with pytest.warns(SAWarning, match="not accepted by the pysqlite driver"):  # the one that is installed everywhere
        reader = SqlReader("sqlite://?user=a&password=s3cret")
    assert reader.place == "sqlite://?password=***&user=a"


def test_the_command_that_shows_runs_does_not_say_the_password(monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://alice:s3cret@host/mlflow")
    assert liteppo(["ui"]) == 1
    said = capsys.readouterr()
    assert said.out == "the runs are on the tracking server: https://host/mlflow\n"
    assert said.err.startswith("https://host/mlflow does not answer; start the server")
    assert "s3cret" not in said.err
