#!/usr/bin/env python3
"""Speaks TLS on a free port of loopback, and passes what comes on to a mail server at another port in the clear. Prints its port.
With `starttls` it begins in the clear, and takes nothing there but the wish to go on in secret (RFC 3207).
Usage: tls.py CERTIFICATE KEY PORT [starttls]"""

import socket
import ssl
import sys
import threading

certificate, key, port, *begins = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)


def passing(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def asks_for_secrecy(raw):
    """Whether the client asks for TLS before it says anything else of matter."""
    raw.sendall(b"220 test ESMTP\r\n")
    while line := raw.recv(1024):
        word = line.split()[0].upper() if line.split() else b""
        if word == b"EHLO":
            raw.sendall(b"250-test\r\n250 STARTTLS\r\n")
        elif word == b"STARTTLS":
            raw.sendall(b"220 go ahead\r\n")
            return True
        else:
            raw.sendall(b"530 Must issue a STARTTLS command first\r\n")
    return False


def serve(raw):
    try:
        if begins and not asks_for_secrecy(raw):
            return
        client = context.wrap_socket(raw, server_side=True)
    except OSError:
        return
    server = socket.create_connection(("127.0.0.1", int(port)))
    if begins:
        # The client was greeted already.
        server.recv(1024)
    threading.Thread(target=passing, args=(server, client), daemon=True).start()
    passing(client, server)


while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
