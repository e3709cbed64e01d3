"""The door in: submission by SMTP (RFC 6409), on aiosmtpd.

`server.start(gate, options)` opens it. A connection's bytes are cut into lines and messages by `wire`, its life is in
`connection`, its commands in `protocol` with the arguments in `params`, logins in `auth`, and `handler` asks the gate.
`inbound` is the other door, for what comes back.
"""

from gateway.smtp.inbound import start_inbound
from gateway.smtp.options import SmtpOptions
from gateway.smtp.server import Door, start

__all__ = ["Door", "SmtpOptions", "start", "start_inbound"]
