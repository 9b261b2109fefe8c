package envelope

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/hpke"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/chacha20poly1305"
)

// Questions are sealed with HPKE (RFC 9180): DHKEM(X25519, HKDF-SHA256),
// HKDF-SHA256, ChaCha20-Poly1305, base mode, a new ephemeral key for each. Who
// asks is told by an Ed25519 signature over all of it. An answer is sealed with a
// key that both sides derive from the question's HPKE context (its exporter, as
// in RFC 9458, Oblivious HTTP), so that only a holder of the worker's key can
// have written it, and only for that question of that device.
const (
	infoQuestion = "cusp link 1 question"
	infoAnswer   = "cusp link 1 answer"
	infoSign     = "cusp link 1 signature"
)

// padTo is what the length of a sealed body is rounded up to: a stream of single
// words would otherwise show how long each of them is.
const padTo = 64

// bound is what a sealed message is bound to beside its own head.
func bound(info string, kind Kind, device string) []byte {
	return append([]byte(info), append([]byte{0, byte(kind)}, device...)...)
}

// pad puts the length before body and zeros behind it.
func pad(body []byte) []byte {
	n := 4 + len(body)
	out := make([]byte, (n+padTo-1)/padTo*padTo)
	binary.BigEndian.PutUint32(out, uint32(len(body)))
	copy(out[4:], body)
	return out
}

func unpad(text []byte) ([]byte, error) {
	if len(text) < 4 {
		return nil, errors.New("too short")
	}
	n := binary.BigEndian.Uint32(text)
	if uint64(n) > uint64(len(text)-4) {
		return nil, errors.New("the length is wrong")
	}
	return text[4 : 4+n], nil
}

// Secret seals or opens the answers to one sealed message.
type Secret struct {
	ref    [refBytes]byte
	key    []byte
	device string
}

func newSecret(enc []byte, device string, export func(string, int) ([]byte, error)) (*Secret, error) {
	key, err := export(infoAnswer, 32)
	if err != nil {
		return nil, fmt.Errorf("derive the key of the answer: %w", err)
	}
	s := &Secret{key: key, device: device}
	sum := sha256.Sum256(enc)
	copy(s.ref[:], sum[:])
	return s, nil
}

// Fits reports whether e answers the message of this secret.
func (s *Secret) Fits(e Envelope) bool { return e.Sealed && e.Kind == Answer && e.ref == s.ref }

// Seal wraps a message of an answer.
func (s *Secret) Seal(c *Codec, id string, seq int, body []byte) ([]byte, error) {
	packed, compressed := c.pack(body)
	p, err := appendFixed(Answer, flags(compressed), id)
	if err != nil {
		return nil, err
	}
	salt := make([]byte, saltBytes)
	rand.Read(salt) // never fails (crypto/rand)
	p = append(p, s.ref[:]...)
	p = binary.BigEndian.AppendUint32(p, uint32(seq))
	p = append(p, salt...)
	aead, nonce, err := s.aead(salt)
	if err != nil {
		return nil, err
	}
	return aead.Seal(p, nonce, pad(packed), append(bound(infoAnswer, Answer, s.device), p...)), nil
}

// Open returns the body of an answer that [Secret.Fits].
func (s *Secret) Open(c *Codec, e Envelope) ([]byte, error) {
	aead, nonce, err := s.aead(e.salt)
	if err != nil {
		return nil, err
	}
	text, err := aead.Open(nil, nonce, e.body, append(bound(infoAnswer, Answer, s.device), e.head...))
	if err != nil {
		return nil, errors.New("the seal of the answer is broken")
	}
	return unsealed(c, e, text)
}

// aead has a key of its own for every message, so that the nonce may be the same.
func (s *Secret) aead(salt []byte) (aead, []byte, error) {
	key, err := hkdf.Key(sha256.New, s.key, salt, infoAnswer, chacha20poly1305.KeySize)
	if err != nil {
		return nil, nil, fmt.Errorf("derive the key of the message: %w", err)
	}
	a, err := chacha20poly1305.New(key)
	return a, make([]byte, chacha20poly1305.NonceSize), err
}

type aead interface {
	Seal(dst, nonce, plaintext, additional []byte) []byte
	Open(dst, nonce, ciphertext, additional []byte) ([]byte, error)
}

func unsealed(c *Codec, e Envelope, text []byte) ([]byte, error) {
	packed, err := unpad(text)
	if err != nil {
		return nil, fmt.Errorf("sealed body: %w", err)
	}
	return c.unpack(packed, e.zstd)
}

func flags(compressed bool) byte {
	if compressed {
		return flagSealed | flagZstd
	}
	return flagSealed
}

// sealTo seals a message from device to the holder of a worker's key.
func sealTo(c *Codec, to workerKey[hpke.PublicKey], sign ed25519.PrivateKey, kind Kind, device, id string, at time.Time, body []byte) ([]byte, *Secret, error) {
	packed, compressed := c.pack(body)
	p, err := appendFixed(kind, flags(compressed), id)
	if err != nil {
		return nil, nil, err
	}
	enc, sender, err := hpke.NewSender(to.key, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), bound(infoQuestion, kind, device))
	if err != nil {
		return nil, nil, fmt.Errorf("seal: %w", err)
	}
	p = append(p, to.id[:]...)
	p = binary.BigEndian.AppendUint64(p, uint64(at.UnixMilli()))
	p = append(p, enc...)
	text, err := sender.Seal(p, pad(packed))
	if err != nil {
		return nil, nil, fmt.Errorf("seal: %w", err)
	}
	p = append(p, text...)
	p = append(p, ed25519.Sign(sign, signedText(device, p))...)
	s, err := newSecret(enc, device, sender.Export)
	return p, s, err
}

// openFrom opens a message whose signature was verified.
func openFrom(c *Codec, k hpke.PrivateKey, device string, e Envelope) ([]byte, *Secret, error) {
	receiver, err := hpke.NewRecipient(e.enc, k, hpke.HKDFSHA256(), hpke.ChaCha20Poly1305(), bound(infoQuestion, e.Kind, device))
	if err != nil {
		return nil, nil, fmt.Errorf("open: %w", err)
	}
	text, err := receiver.Open(e.head, e.body)
	if err != nil {
		return nil, nil, errors.New("the seal of the question is broken")
	}
	body, err := unsealed(c, e, text)
	if err != nil {
		return nil, nil, err
	}
	s, err := newSecret(e.enc, device, receiver.Export)
	return body, s, err
}

// signedText is what a device signs.
func signedText(device string, p []byte) []byte {
	return append(bound(infoSign, kindOf(p), device), append([]byte{0}, p...)...)
}

// kindOf is where appendFixed and parseFixed put it.
func kindOf(p []byte) Kind { return Kind(p[5]) }
