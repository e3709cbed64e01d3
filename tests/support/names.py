"""A name server on loopback that knows what it was told."""

import socketserver

import dns.message
import dns.rdatatype
import dns.rrset


class Names(socketserver.ThreadingUDPServer):
    """Knows the TXT records of `records` and those of other types in `others`; NXDOMAIN for all else."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.records: dict[str, str] = {}
        self.others: dict[tuple[str, str], str] = {}
        self.place = f"127.0.0.1:{self.server_address[1]}"

    def texts(self, name: str, kind: str) -> list[str]:
        """Return the records of a name as a zone file has them."""
        if kind == "TXT" and name in self.records:
            value = self.records[name]
            return [" ".join(f'"{value[at : at + 255]}"' for at in range(0, len(value), 255))]
        return self.others.get((name, kind), "").splitlines()


class Answer(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        data, sock = self.request
        question = dns.message.from_wire(data)
        reply = dns.message.make_response(question)
        name, kind = question.question[0].name.to_text(), dns.rdatatype.to_text(question.question[0].rdtype)
        assert isinstance(self.server, Names)
        if found := self.server.texts(name.rstrip("."), kind):
            reply.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *found))
        else:
            reply.set_rcode(3)
        sock.sendto(reply.to_wire(), self.client_address)
