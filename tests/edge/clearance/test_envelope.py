"""The signature vector is RFC 8037, appendix A.4 (key A.1, A.2): made by others than us."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from edge.clearance.envelope import (
    Envelope,
    EnvelopeError,
    decode_base64url,
    encode_base64url,
    seal,
    split,
    verify,
)

RFC8037_D = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
RFC8037_X = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
RFC8037_SIGNING_INPUT = b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
RFC8037_SIGNATURE = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"


def rfc8037_public() -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(decode_base64url(RFC8037_X.encode()))


def test_rfc8037_signature_verifies() -> None:
    envelope = Envelope(
        "", RFC8037_SIGNING_INPUT, b"Example of Ed25519 signing", decode_base64url(RFC8037_SIGNATURE.encode()), "EdDSA"
    )
    assert verify(envelope, rfc8037_public()) == b"Example of Ed25519 signing"


def test_rfc8037_private_key_gives_the_published_signature() -> None:
    key = Ed25519PrivateKey.from_private_bytes(decode_base64url(RFC8037_D.encode()))
    assert encode_base64url(key.sign(RFC8037_SIGNING_INPUT)) == RFC8037_SIGNATURE.encode()
    assert encode_base64url(key.public_key().public_bytes_raw()) == RFC8037_X.encode()


def test_rfc8037_envelope_itself_lacks_our_header() -> None:
    with pytest.raises(EnvelopeError) as refusal:
        split(RFC8037_SIGNING_INPUT + b"." + RFC8037_SIGNATURE.encode(), typ="t")
    assert refusal.value.reason == "header_fields"


def test_signature_with_an_s_beyond_the_group_order_is_refused() -> None:
    """The second spelling of a signature (s plus the order) verifies in lax libraries: RFC 8032, 5.1.7."""
    order = 2**252 + 27742317777372353535851937790883648493
    signature = decode_base64url(RFC8037_SIGNATURE.encode())
    s = int.from_bytes(signature[32:], "little") + order
    twisted = signature[:32] + s.to_bytes(32, "little")
    with pytest.raises(EnvelopeError) as refusal:
        verify(Envelope("", RFC8037_SIGNING_INPUT, b"", twisted, "EdDSA"), rfc8037_public())
    assert refusal.value.reason == "signature_invalid"


def test_what_is_sealed_opens() -> None:
    key = Ed25519PrivateKey.generate()
    raw = seal(b'{"a":1}', typ="t", key_id="k", key=key)
    envelope = split(raw, typ="t")
    assert envelope.key_id == "k"
    assert verify(envelope, key.public_key()) == b'{"a":1}'


@pytest.mark.parametrize(
    "part", [b"", b"YQ==", b"YQ=", b"YR", b"Y", b"Y Q", b"YQ\n", b"Y+8", b"Y/8", b"\xff\xff", "ＹＱ".encode()]
)
def test_other_spellings_of_base64_are_refused(part: bytes) -> None:
    with pytest.raises(EnvelopeError) as refusal:
        decode_base64url(part)
    assert refusal.value.reason == "base64_not_canonical"


def test_canonical_base64_is_read() -> None:
    for size in range(1, 70):
        raw = bytes(range(size))
        assert decode_base64url(encode_base64url(raw)) == raw
        assert base64.urlsafe_b64encode(raw).rstrip(b"=") == encode_base64url(raw)


def test_size_is_judged_before_anything_is_decoded() -> None:
    with pytest.raises(EnvelopeError) as refusal:
        split(b"a" * (16 * 1024 + 1), typ="t")
    assert refusal.value.reason == "too_large"


def test_a_refusal_says_its_reason_and_for_people_its_detail() -> None:
    with pytest.raises(EnvelopeError, match=r"^not_compact: 2 parts$"):
        split(b"a.b", typ="t")
    with pytest.raises(EnvelopeError, match=r"^too_large: 16385 bytes$"):
        split(b"a" * 16_385, typ="t")
    assert str(EnvelopeError("signature_invalid")) == "signature_invalid"
