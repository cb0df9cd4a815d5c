"""The files of a broker as text, for Mosquitto 2.0 and EMQX 5, from what each identity may do."""

from collections.abc import Mapping

from config.broker_access import Access

# A payload of ours ends at 16 KiB; the rest is room for topic and properties. Pictures never cross MQTT.
MAX_PACKET_BYTES = 32 * 1024
MAX_KEEPALIVE_S = 60

_MADE = "made by `kakou broker`: change the configuration and make it again"


def mosquitto_acl(access: Mapping[str, Access]) -> str:
    """Return an `acl_file`. Users are listed one by one: a pattern would trust the user's name (CVE-2017-7650)."""
    lines = [
        f"# {_MADE}",
        "# What is not allowed here is refused. Mosquitto cannot forbid the retain flag: lanes refuse it.",
    ]
    for name, one in access.items():
        lines += ["", f"user {name}"]
        lines += [f"topic write {topic}" for topic in sorted(one.writes | one.retains)]
        lines += [f"topic read {topic}" for topic in sorted(one.reads)]
    return "\n".join(lines) + "\n"


def mosquitto_conf(folder: str, *, port: int, passwords: bool) -> str:
    """Return a `mosquitto.conf`; the files that it names lie in `folder`.

    `passwords`: the lanes have no certificates, and 1883 on the loopback takes user names instead.
    """
    lines = [
        f"# {_MADE}",
        "per_listener_settings true",
        "# Without it a QoS 1 request and its reply wait 40 ms for each other's acknowledgement.",
        "set_tcp_nodelay true",
        f"max_packet_size {MAX_PACKET_BYTES}",
        "max_inflight_messages 100",
        "max_queued_messages 10000",
        f"max_keepalive {MAX_KEEPALIVE_S}",
        "# Client ids of lanes that never return must not fill the disk.",
        "persistent_client_expiration 14d",
        "# Retained state survives a restart. Nothing depends on it: the lanes' own outboxes are the truth.",
        "persistence true",
        "persistence_location /var/lib/mosquitto/",
        "autosave_interval 60",
    ]
    if passwords:
        lines += [
            "",
            "# Lanes without certificates: on this machine only.",
            "listener 1883 127.0.0.1",
            "allow_anonymous false",
            f"password_file {folder}/passwords",
            f"acl_file {folder}/acl",
        ]
        port = 8883
    return "\n".join([*lines, "", *_tls_listener(folder, port)]) + "\n"


def _tls_listener(folder: str, port: int) -> list[str]:
    return [
        f"listener {port}",
        f"cafile {folder}/ca.pem",
        f"certfile {folder}/broker.pem",
        f"keyfile {folder}/broker.key",
        "tls_version tlsv1.2",
        "require_certificate true",
        "# A certificate that was withdrawn: put the authority's list here and take the # away.",
        f"#crlfile {folder}/crl.pem",
        "# The certificate's name is user name and client id: nobody ends another's connection with its id.",
        "use_identity_as_username true",
        "use_username_as_clientid true",
        "allow_anonymous false",
        f"acl_file {folder}/acl",
        "max_connections 1000",
    ]


def emqx_acl(access: Mapping[str, Access]) -> str:
    """Return an `acl.conf` of EMQX 5.1.1 and later: Erlang terms, the first that matches decides."""
    lines = [f"%% {_MADE}"]
    for name, one in access.items():
        rules = (
            ("{publish, [{retain, false}]}", one.writes),
            ("publish", one.retains),
            ("subscribe", one.reads),
        )
        for action, topics in rules:
            if topics:
                listed = ", ".join(f'"{topic}"' for topic in sorted(topics))
                lines.append(f'{{allow, {{username, "{name}"}}, {action}, [{listed}]}}.')
    return "\n".join([*lines, "{deny, all}."]) + "\n"


def emqx_conf(folder: str, *, port: int) -> str:
    """Return the settings (HOCON) that go into EMQX's `emqx.conf`; the files that it names lie in `folder`."""
    return f"""\
## {_MADE}
listeners.tcp.default.enable = false
listeners.ws.default.enable = false
listeners.wss.default.enable = false
listeners.ssl.default {{
  bind = "0.0.0.0:{port}"
  max_connections = 1000
  ssl_options {{
    cacertfile = "{folder}/ca.pem"
    certfile = "{folder}/broker.pem"
    keyfile = "{folder}/broker.key"
    versions = ["tlsv1.3", "tlsv1.2"]
    verify = verify_peer
    fail_if_no_peer_cert = true
  }}
}}
## The certificate's name is user name and client id: nobody ends another's connection with its id.
mqtt.peer_cert_as_username = cn
mqtt.peer_cert_as_clientid = cn
mqtt.max_packet_size = {MAX_PACKET_BYTES // 1024}KB
mqtt.server_keepalive = {MAX_KEEPALIVE_S}s
authorization {{
  no_match = deny
  deny_action = ignore
  sources = [{{type = file, enable = true, path = "{folder}/acl.conf"}}]
}}
"""
