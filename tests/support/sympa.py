"""A real Sympa of our own: Debian's programs with every folder below one, and its mail handed to an SMTP server.

Sympa's programs look for their library in `SYMPALIB` first, and one module of that library, `Sympa::Constants`, says
whose they are and where everything lies. A copy of it with our folders keeps them apart from the machine's own. They
refuse to be root's: then they belong to Debian's user `sympa`, else to whoever runs the tests. The SOAP interface
speaks FastCGI, so an nginx of our own stands before it.
"""

import grp
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from tests.support.ports import free_port, wait_for_port

LIBRARY = Path("/usr/share/sympa/lib")
PROGRAMS = Path("/usr/lib/sympa/bin")
SOAP = Path("/usr/lib/cgi-bin/sympa/sympa_soap_server.fcgi")
FOLDERS = {"/etc/sympa": "etc", "/run/sympa": "run", "/var/lib/sympa": "data", "/var/spool/sympa": "spool"}
# The daemons make their spools themselves; here both start at the same moment.
MADE = (
    *("run", "spool/msg/bad", "spool/bulk/msg", "spool/bulk/pct", "spool/bulk/bad/msg", "spool/bulk/bad/pct"),
    *("spool/digest", "data/list_data", "data/arc", "data/bounce", "data/css", "data/pictures"),
)
CONFIG = """\
domain {domain}
listmaster {master}
lang en
wwsympa_url https://listes.{domain}/sympa
soap_url http://127.0.0.1:{port}/sympasoap
db_type SQLite
db_name {home}/sympa.sqlite
sendmail {home}/sendmail
sendmail_aliases none
sleep 1
bulk_sleep 1
"""
LIST = """\
<?xml version="1.0" ?>
<list>
  <listname>{name}</listname><type>letter</type><subject>La lettre</subject><description/>
  <status>open</status><topics>other</topics>
  <owner multiple="1"><email>{owner}</email></owner>
</list>
"""
TEMPLATE = """\
subject [% subject %]

status [% status %]

send public

[% FOREACH o = owner -%]
owner
  email [% o.email %]
  profile privileged

[% END -%]
"""
TRUSTED = """\
trusted_application
name consentgate
md5password {digest}
proxy_for_variables USER_EMAIL
"""
# What Sympa takes for sendmail: `sendmail -oi -odi -oem -f SENDER -- RECIPIENT…`, the message on stdin.
SENDMAIL = """\
#!/usr/bin/python3
import smtplib, sys
at = sys.argv.index("-f")
with smtplib.SMTP("127.0.0.1", {port}, timeout=60) as session:
    session.login("{login}", "{password}")
    message = sys.stdin.buffer.read().replace(b"\\n", b"\\r\\n")
    with open("{home}/sent.eml", "wb") as copy:
        copy.write(message)
    session.sendmail(sys.argv[at + 1], sys.argv[at + 3 :], message)
"""
NGINX = """\
daemon off;
master_process off;
worker_processes 1;
pid {home}/nginx.pid;
error_log {home}/log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {home}/body;
    fastcgi_temp_path {home}/fastcgi;
    proxy_temp_path {home}/proxy;
    scgi_temp_path {home}/scgi;
    uwsgi_temp_path {home}/uwsgi;
    server {{
        listen 127.0.0.1:{port};
        server_name 127.0.0.1;
        location /sympasoap {{
            include /etc/nginx/fastcgi_params;
            fastcgi_param SERVER_NAME 127.0.0.1;
            fastcgi_param SCRIPT_NAME /sympasoap;
            fastcgi_pass 127.0.0.1:{soap};
        }}
    }}
}}
"""


class Sympa:
    """A Sympa in `home` with one list; `url` is its SOAP interface, `secret` the password of a trusted application."""

    secret = "the application's password"

    def __init__(self, home: Path, address: str, smtp_port: int, login: str, password: str) -> None:
        self.home = home
        self.address = address
        self.name, _, self.domain = address.partition("@")
        self.master = f"master@{self.domain}"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/sympasoap"
        self.environment = {**os.environ, "SYMPALIB": str(home / "lib"), "LC_ALL": "C.UTF-8"}
        self._user = pwd.getpwuid(os.geteuid()) if os.geteuid() else pwd.getpwnam("sympa")
        constants = (LIBRARY / "Sympa/Constants.pm").read_text("utf-8")
        for theirs, ours in FOLDERS.items():
            constants = constants.replace(f"'{theirs}", f"'{home / ours}")
        constants = constants.replace("USER    => 'sympa'", f"USER => '{self._user.pw_name}'")
        constants = constants.replace("GROUP   => 'sympa'", f"GROUP => '{grp.getgrgid(self._user.pw_gid).gr_name}'")
        self.write("lib/Sympa/Constants.pm", constants)
        self.write(
            "etc/sympa/sympa.conf", CONFIG.format(domain=self.domain, master=self.master, home=home, port=self.port)
        )
        self.write("etc/create_list_templates/letter/config.tt2", TEMPLATE)
        text = SENDMAIL.format(port=smtp_port, login=login, password=password, home=home)
        self.write("sendmail", text).chmod(0o755)
        self.write("log", "")
        for folder in MADE:
            (home / folder).mkdir(parents=True)
        for path in (home, *home.rglob("*")):
            self._give(path)

    def as_user(self, *words: str | Path) -> list[str | Path]:
        """Return the command that runs these words as Sympa's user."""
        if os.geteuid():
            return [*words]
        rights = ("--reuid", str(self._user.pw_uid), "--regid", str(self._user.pw_gid), "--clear-groups")
        return ["setpriv", *rights, "--", *words]

    def write(self, name: str, text: str) -> Path:
        """Write a file below `home` that Sympa may read and change; return where it is."""
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        self._give(path)
        return path

    def _give(self, path: Path) -> None:
        os.chown(path, self._user.pw_uid, self._user.pw_gid)

    def command(self, *words: str | Path, said: str = "") -> str:
        """Run one command of Sympa with `said` on its stdin; return what it prints."""
        done = subprocess.run(
            self.as_user(PROGRAMS / "sympa", *words), cwd=self.home, env=self.environment,
            input=said, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def make(self, owner: str) -> None:
        """Make the database and the list, and trust one application."""
        self.command("check")
        self.command("create", "--input_file", self.write("list.xml", LIST.format(name=self.name, owner=owner)))
        digest = self.command("md5_digest", self.secret).split()[-1]
        self.write("etc/trusted_applications.conf", TRUSTED.format(digest=digest))

    def join(self, *addresses: str) -> None:
        """Make people members, without a word to them."""
        self.command("add", "--quiet", self.address, said="\n".join(addresses))

    def dump(self) -> Path:
        """Return the file that `sympa dump` writes of the members."""
        self.command("dump", self.address)
        return self.home / "data/list_data" / self.name / "member.dump"

    def members(self) -> set[str]:
        """Return the addresses that Sympa would write to."""
        return set(self.command("review", self.address).splitlines()[1:])  # the first says how many

    def sent(self) -> bytes:
        """Return the last message that Sympa handed over, as it wrote it."""
        return (self.home / "sent.eml").read_bytes()

    def story(self) -> str:
        """Return what the programs said."""
        return (self.home / "log").read_text("utf-8", "replace")

    def post(self, message: str) -> None:
        """Post a message to the list: put it where Sympa's `queue` puts what the MTA pipes into it."""
        name = f"{self.address}.{int(time.time())}.{os.getpid()}"
        made = self.write(f"spool/msg/T.{name}", f"X-Sympa-To: {self.address}\n{message}")
        made.rename(made.with_name(name))


@contextmanager
def running(address: str, owner: str, smtp_port: int, login: str, password: str) -> Iterator[Sympa]:
    """Run a Sympa whose mail goes to `smtp_port`, with its SOAP interface and one list that takes everybody's posts."""
    assert PROGRAMS.is_dir(), "sympa is missing: apt-get install --no-install-recommends dbconfig-sqlite3 sympa"
    with ExitStack() as stack:
        home = Path(tempfile.mkdtemp(prefix="sympa-", dir="/tmp"))  # where Sympa's user may go
        stack.callback(shutil.rmtree, home, ignore_errors=True)
        sympa = Sympa(home, address, smtp_port, login, password)
        sympa.make(owner)
        for daemon in ("sympa_msg.pl", "bulk.pl"):
            stack.callback(_end, _start(sympa, PROGRAMS / daemon, "--foreground"))
        with socket.create_server(("127.0.0.1", 0)) as door:
            stack.callback(_end, _start(sympa, SOAP, stdin=door))
            config = NGINX.format(home=home, port=sympa.port, soap=door.getsockname()[1])
        nginx = _start(sympa, "/usr/sbin/nginx", "-e", home / "log", "-c", sympa.write("nginx.conf", config))
        stack.callback(_end, nginx)
        wait_for_port(sympa.port, 60, lambda: nginx.poll() is None)
        yield sympa


def _start(
    sympa: Sympa, *words: str | Path, stdin: socket.socket | int = subprocess.DEVNULL
) -> "subprocess.Popen[bytes]":
    with (sympa.home / "log").open("ab") as log:
        return subprocess.Popen(
            sympa.as_user(*words), cwd=sympa.home, env=sympa.environment, stdin=stdin, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip


def _end(process: "subprocess.Popen[bytes]") -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(30)
