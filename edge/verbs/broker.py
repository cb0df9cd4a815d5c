"""`kakou broker CONFIG... --out DIR`: write the files of a broker that lets each identity do its own work alone."""

import sys
from collections.abc import Sequence
from pathlib import Path

from config.broker_access import access_of, shares_a_certificate
from config.broker_files import emqx_acl, emqx_conf, mosquitto_acl, mosquitto_conf
from config.schema import Configuration
from edge.text import say
from edge.text.arguments import Parser
from edge.verbs.configured import configured

EXIT_CONFIG = 78
TLS_PORT = 8883


def main(arguments: Sequence[str]) -> int:
    """Write `mosquitto/` and `emqx/` under `--out` for all boxes of one broker; 78 for a bad configuration."""
    parser = Parser("kakou broker", say("verb_broker"))
    parser.add_argument("config", type=Path, nargs="+", help=say("option_config"))
    parser.add_argument("--out", type=Path, required=True, help=say("broker_out"))
    given = parser.parse_args(arguments)
    configurations: list[Configuration] = []
    for path in given.config:
        loaded = configured(path)
        if loaded is None:
            return EXIT_CONFIG
        if shares_a_certificate(loaded):
            print(say("broker_shared_certificate", file=path), file=sys.stderr)
            return EXIT_CONFIG
        configurations.append(loaded)
    access = access_of(configurations)
    passwords = any(one.broker.tls is None or one.broker.tls.cert_file is None for one in configurations)
    port = next((one.broker.port for one in configurations if one.broker.tls is not None), TLS_PORT)
    texts = {
        "mosquitto/acl": mosquitto_acl(access),
        "mosquitto/mosquitto.conf": mosquitto_conf("/etc/mosquitto", port=port, passwords=passwords),
        "emqx/acl.conf": emqx_acl(access),
        "emqx/emqx.conf": emqx_conf("/etc/emqx/kakou", port=port),
    }
    for name, text in texts.items():
        path = given.out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o644)
        print(path)
    print(say("broker_identities", identities=", ".join(access)))
    return 0
