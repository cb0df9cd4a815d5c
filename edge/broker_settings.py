"""The connection settings that a configuration means, for one connection to its broker."""

from collections.abc import Callable

from config.clients import for_client
from config.schema import Configuration
from edge.mqtt import Message, MqttSettings, TlsSettings
from edge.secret import Secret


def mqtt_settings(configuration: Configuration, client: str, will: Callable[[], Message] | None = None) -> MqttSettings:
    """Return the settings of one connection to the configured broker. Raises OSError for its password file."""
    broker = configuration.broker
    password = None
    if broker.password_file is not None:
        password = Secret.read(for_client(broker.password_file, client))
    tls = None
    if broker.tls is not None:
        certificate, key = (one and for_client(one, client) for one in (broker.tls.cert_file, broker.tls.key_file))
        tls = TlsSettings(broker.tls.ca_file, certificate, key, broker.tls.crl_file)
    return MqttSettings(
        broker.host,
        broker.port,
        client,
        version=broker.mqtt_version,
        username=broker.username and for_client(broker.username, client),
        password=password,
        tls=tls,
        will=will,
    )
