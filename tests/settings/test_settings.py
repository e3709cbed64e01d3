"""Settings are read once, checked all at once, and documented from their declarations."""

import contextlib
import dataclasses
import os
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.errors import Misuse
from gateway.law.facts import Policy
from gateway.settings import Listen, Settings, lacking, load, provide
from gateway.settings.reference import example, page, sections

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
BAD = sorted(HERE.glob("bad/*.toml"))


def write(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text, "utf-8")
    return path


@contextlib.contextmanager
def environment(**values: str) -> Iterator[None]:
    os.environ.update(values)
    try:
        yield
    finally:
        for name in values:
            del os.environ[name]


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_broken_configuration_gives_the_error_beside_it(path: Path) -> None:
    with pytest.raises(Misuse) as caught:
        load(path)

    said = str(caught.value)
    assert said.startswith(f"{path}: ")
    for line in path.with_suffix(".error").read_text("utf-8").splitlines():
        assert line in said


@pytest.mark.parametrize("path", [path for path in BAD if path.stem[:2] in {"03", "14"}], ids=lambda path: path.stem)
def test_what_may_be_a_secret_is_not_repeated(path: Path) -> None:
    with pytest.raises(Misuse) as caught:
        load(path)

    assert "hunter2" not in str(caught.value)
    assert "secret-word" not in str(caught.value)


def test_a_missing_file_says_who_writes_one(tmp_path: Path) -> None:
    with pytest.raises(Misuse, match=r"cannot be read .*consentgate init"):
        load(tmp_path / "nothing.toml")


def test_without_a_file_everything_lies_in_var(tmp_path: Path) -> None:
    with contextlib.chdir(tmp_path):
        settings = load(None)

    assert settings.store.url == f"sqlite:///{tmp_path}/var/consentgate.db"
    assert settings.upstream.url == f"maildir:{tmp_path}/var/outgoing"
    assert settings.smtp.listen == Listen("127.0.0.1", 2525)


def test_relative_paths_start_from_the_folder_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("k" * 40 + "\n")
    path = write(
        tmp_path,
        """
        [gateway.secrets]
        7 = "file:key"
        [store]
        url = "sqlite:///data/x.db"
        [smtp]
        certificate = "cert.pem"
        private_key = "/abs/key.pem"
        [plugins]
        folder = "mine"
        """,
    )

    settings = load(path)

    assert settings.gateway.secrets[7].read() == "k" * 40
    assert settings.store.url == f"sqlite:///{tmp_path}/data/x.db"
    assert settings.smtp.certificate == tmp_path / "cert.pem"
    assert settings.smtp.private_key == Path("/abs/key.pem")
    assert settings.plugins.folder == tmp_path / "mine"


def test_values_are_what_they_mean(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """
        [smtp]
        listen = "[::1]:0"
        max_size = "10MiB"
        [limits]
        lease = "1h30m"
        retries = ["30s", "1d"]
        [law]
        b2b_countries = ["fr", "BE"]
        [web]
        public_url = "https://Consent.example.org/gate/"
        """,
    )

    settings = load(path)

    assert settings.smtp.listen == Listen("::1", 0)
    assert str(settings.smtp.listen) == "[::1]:0"
    assert settings.smtp.listen.loopback
    assert settings.smtp.max_size == 10 * 1024 * 1024
    assert settings.limits.lease == timedelta(minutes=90)
    assert settings.limits.retries == (timedelta(seconds=30), timedelta(days=1))
    assert settings.law.b2b_countries == {"FR", "BE"}
    assert settings.web.public_url == "https://Consent.example.org/gate"


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b'\xef\xbb\xbf[log]\nlevel = "debug"\n')

    assert load(path).log.level == "debug"


def test_a_secret_is_read_when_asked_for_and_never_printed(tmp_path: Path) -> None:
    path = write(tmp_path, '[gateway.secrets]\n1 = "env:GATE_KEY"\n')
    settings = load(path)
    secret = settings.gateway.secrets[1]

    with pytest.raises(Misuse, match="environment variable GATE_KEY is not set"):
        secret.read()
    with environment(GATE_KEY="x" * 40):
        assert secret.read_bytes() == b"x" * 40
    assert "xxx" not in repr(settings) + str(secret) + settings.model_dump_json()
    assert settings.model_dump()["gateway"]["secrets"] == {1: "env:GATE_KEY"}


def test_what_this_machine_lacks_is_listed_with_its_place(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """
        [gateway.secrets]
        1 = "env:SHORT"
        2 = "file:none"
        [smtp]
        certificate = "cert.pem"
        private_key = "key.pem"
        [upstream]
        url = "smtp://relay.example.org"
        username = "bob"
        password = "env:NOT_THERE_AT_ALL"
        """,
    )

    with environment(SHORT="abc"):
        found = lacking(load(path))

    assert [line.split(": ")[0] for line in found] == [
        "gateway.secrets.1",
        "gateway.secrets.2",
        "upstream.password",
        "smtp.certificate",
        "smtp.private_key",
    ]
    assert "3 bytes are too few" in found[0]


def test_missing_secrets_are_made_once_and_only_for_the_owner(tmp_path: Path) -> None:
    settings = load(write(tmp_path, '[gateway.secrets]\n1 = "file:keys/one"\n'))

    provide(settings)
    first = settings.gateway.secrets[1].read()
    provide(settings)

    assert settings.gateway.secrets[1].read() == first
    assert (tmp_path / "keys/one").stat().st_mode & 0o777 == 0o600
    assert lacking(settings) == []


def test_the_tool_of_an_account_is_a_table_under_its_login(tmp_path: Path) -> None:
    (tmp_path / "pw").write_text("secret of the tool\n")
    path = write(
        tmp_path,
        """
        [plugins.tools.atelier]
        url = "https://lists.example.org/"
        username = "gate"
        password = "file:pw"
        hook = "env:HOOK_NOT_SET"
        lists = { lettre = "3" }
        """,
    )

    settings = load(path)
    tool = settings.plugins.tools["atelier"]

    assert (tool.url, tool.lists) == ("https://lists.example.org", {"lettre": "3"})
    assert tool.password
    assert tool.password.read() == "secret of the tool"
    assert [line.split(": ")[0] for line in lacking(settings)][-1] == "plugins.tools.atelier.hook"


def test_the_settings_of_the_law_are_those_of_its_policy() -> None:
    assert set(Settings().law.__class__.model_fields) == {field.name for field in dataclasses.fields(Policy)}
    assert Settings().law.policy() == Policy()


def test_every_setting_says_what_it_is() -> None:
    for name, model, doc in sections():
        assert doc, name
        for key, field in model.model_fields.items():
            assert field.description, f"{name}.{key}"
            assert field.description.endswith("."), f"{name}.{key}"


def test_the_example_is_the_declarations() -> None:
    """On failure: .venv/bin/python cli.py config example > config.example.toml."""
    assert (ROOT / "config.example.toml").read_text("utf-8") == example()


def test_the_example_is_true_with_and_without_its_comment_signs(tmp_path: Path) -> None:
    plain = load(write(tmp_path, example()))
    text = re.sub(r"(?m)^# (?=[a-z0-9_]+ = |\[)", "", example())
    active = load(write(tmp_path, text))

    assert plain == active == load(write(tmp_path, ""))
    assert len(re.findall(r"(?m)^[a-z0-9_]+ = ", text)) == sum(len(model.model_fields) for _, model, _ in sections())


def test_the_reference_page_is_the_declarations() -> None:
    """On failure: .venv/bin/python cli.py config reference settings > docs/reference/settings.md."""
    assert (ROOT / "docs/reference/settings.md").read_text("utf-8") == page()
